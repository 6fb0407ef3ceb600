import Libsql from "libsql";
import { createConnection } from "mysql2/promise";
import { createConnection as createWithCallbacks } from "mysql2";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { afterThisTest } from "../support/ending.ts";
import { anAction, DIALECTS, entriesOf, idsOf, opened, placeFor, whyOf } from "./ledgers.ts";

/** A caller's own connection to the ledger's database. */
interface Own {
  transaction: object;
  run: (statement: string) => Promise<unknown>;
}

const OWN = {
  sqlite: async (url: string): Promise<Own> => {
    const database = new Libsql(url.slice("sqlite:".length));
    afterThisTest(() => database.close());
    return { transaction: database, run: async (statement) => database.exec(statement) };
  },
  postgres: async (url: string): Promise<Own> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    afterThisTest(() => client.end());
    return { transaction: client, run: (statement) => client.query(statement) };
  },
  mysql: async (url: string): Promise<Own> => {
    const connection = await createConnection(url);
    afterThisTest(() => connection.end());
    return { transaction: connection, run: (statement) => connection.query(statement) };
  },
};

describe.each(DIALECTS)("an action that joins a transaction in %s", (dialect) => {
  const place = placeFor(dialect);

  it.each(["commit", "rollback"])("stands or falls with it: %s", async (ending) => {
    const url = await place.fresh();
    const ledger = await opened(url);
    const { transaction, run } = await OWN[dialect](url);
    await run("create table if not exists accounts (a int)");
    await run("delete from accounts");
    await run("begin");
    const id = await ledger.begin(anAction({ before: { a: 1 } }), transaction);
    await run("insert into accounts values (1)");
    await ledger.end(id, { status: "done", after: { a: 2 } }, transaction);
    expect(await idsOf(ledger)).toEqual([]);
    await run(ending);
    const entries = await entriesOf(ledger);
    expect(entries.map(({ record }) => record?.status)).toEqual(ending === "commit" ? ["done"] : []);
    await run("drop table accounts");
  });

  it("is refused where it brings something else, or ends what was not begun in it", async () => {
    const url = await place.fresh();
    const ledger = await opened(url);
    expect(await whyOf(ledger.begin(anAction(), {}))).toContain("the transaction of a joining action must be");
    const { transaction } = await OWN[dialect](url);
    expect(await whyOf(ledger.end("nobody", { status: "done" }, transaction))).toContain("is not in this transaction");
  });
});

describe("pools and callbacks", () => {
  const postgres = placeFor("postgres");
  const mysql = placeFor("mysql");

  it("refuses a pool, which gives each statement to any connection", async () => {
    const url = await postgres.fresh();
    const pool = new pg.Pool({ connectionString: url });
    afterThisTest(() => pool.end());
    expect(await whyOf((await opened(url)).begin(anAction(), pool))).toContain("the pg client");
  });

  it("takes mysql2's connection with callbacks too", async () => {
    const url = await mysql.fresh();
    const ledger = await opened(url);
    const connection = createWithCallbacks(url);
    afterThisTest(() => connection.destroy());
    await ledger.end(await ledger.begin(anAction(), connection), { status: "done" }, connection);
    expect(await idsOf(ledger)).toHaveLength(1);
  });
});
