import Libsql from "libsql";
import { describe, expect, it } from "vitest";
import { afterThisTest } from "../support/ending.ts";
import { needs } from "../support/servers.ts";
import { anAction, idsOf, inSchema, opened, placeFor, whyOf } from "./ledgers.ts";

/** Ends the connections that a test's own ledger has at this moment. */
type Cut = () => Promise<void>;

describe("a server that goes away", () => {
  const postgres = needs("PostgreSQL");
  const mysql = needs("MariaDB");

  const cutPostgres: Cut = async () => {
    const cut = await postgres.run(
      `select pid, pg_terminate_backend(pid) from pg_stat_activity where application_name = '${postgres.schema}'`,
    );
    const there = `select pid from pg_stat_activity where pid in (${cut.map(({ pid }) => String(pid)).join(", ")})`;
    while ((await postgres.run(there)).length > 0) await postgres.run("select pg_sleep(0.01)");
  };
  const cutMysql: Cut = async () => {
    const mine = `from information_schema.processlist where db = '${mysql.schema}'`;
    for (const { id } of await mysql.run(`select id as id ${mine}`)) await mysql.run(`kill ${String(id)}`);
  };
  const urlOf = () => {
    const url = new URL(inSchema("postgres", postgres.url, postgres.schema));
    url.searchParams.set("application_name", postgres.schema);
    return url.href;
  };

  it.each([
    ["PostgreSQL", urlOf, cutPostgres],
    ["MariaDB", () => inSchema("mysql", mysql.url, mysql.schema), cutMysql],
  ])("and comes back is recorded to again: %s", async (_, url, cut) => {
    const ledger = await opened(url());
    const before = await ledger.begin(anAction());
    const during: string[] = [];
    const lost: unknown[] = [];
    const lane = async () => {
      for (let action = 0; action < 40; action++) {
        await ledger.begin(anAction()).then(
          (id) => during.push(id),
          (error: unknown) => lost.push(error),
        );
      }
    };
    await Promise.all([lane(), lane(), cut()]);
    for (const error of lost) expect(error).toMatchObject({ name: "LedgerError" });
    // The end of what was begun before finds its row through a new connection.
    await ledger.end(before, { status: "done" });
    const after = await ledger.begin(anAction());
    const there = new Set(await idsOf(ledger));
    expect([before, ...during, after].filter((id) => !there.has(id))).toEqual([]);
  });

  it("while nothing is asked is not noticed", async () => {
    const ledger = await opened(urlOf());
    await ledger.begin(anAction());
    await cutPostgres();
    await ledger.begin(anAction());
  });
});

describe("a file that another process has locked", () => {
  const place = placeFor("sqlite");
  const locked = async () => {
    const url = await place.fresh();
    const ledger = await opened(url, { timeoutMs: 400 });
    const other = new Libsql(url.slice("sqlite:".length));
    afterThisTest(() => other.close());
    other.exec("begin immediate");
    return { ledger, other };
  };

  it("is waited for, without holding up the agent", async () => {
    const { ledger, other } = await locked();
    const begun = ledger.begin(anAction());
    const turns = await new Promise<number>((resolve) => setTimeout(() => resolve(1), 30));
    other.exec("rollback");
    expect(await idsOf(ledger, { ids: [await begun] })).toHaveLength(turns);
  });

  it("refuses the action where the lock stays, and takes the next one when it is gone", async () => {
    const { ledger, other } = await locked();
    expect(await whyOf(ledger.begin(anAction()))).toBe("the ledger failed: the database is locked");
    other.exec("rollback");
    await ledger.begin(anAction());
    expect(await idsOf(ledger)).toHaveLength(1);
  });
});
