import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { describe, expect, it } from "vitest";
import { openSession, type Session } from "../../src/databases/session.ts";
import { readTable } from "../../src/rollback/sql/catalog.ts";
import { Changes, type RowChange } from "../../src/rollback/sql/changes.ts";
import type { Cell } from "../../src/rollback/sql/image.ts";
import { readRows } from "../../src/rollback/sql/rows.ts";
import { NO_SECRETS } from "../databases/opening.ts";
import { afterThisTest } from "../support/ending.ts";
import { needs } from "../support/servers.ts";

const TEXTS = ["it's", "", "NULL", '"', "\\", "{a,b}", "a\nb", "ü€😀", "\u0001", "[1]", "  "];

async function sqlite(): Promise<Session> {
  const directory = await mkdtemp(join(tmpdir(), "clawproof-changes-"));
  new Libsql(join(directory, "app.db")).close();
  afterThisTest(() => rm(directory, { recursive: true, force: true }));
  return opened("sqlite:app.db", directory);
}

async function opened(url: string, directory = "/"): Promise<Session> {
  const session = await openSession(url, { directory, secrets: NO_SECRETS, statementTimeoutMs: 5_000 });
  afterThisTest(() => session.close());
  return session;
}

/** Fills a table with rows of a key, a text and a number, restores the given cells, and reads what is there. */
async function restored(session: Session, table: string, rows: readonly [name: Cell, seats: Cell][], times = 1) {
  await session.query(`create table ${table} (id integer primary key, name varchar(40), seats bigint)`);
  await session.transaction(async () => {
    for (const id of rows.keys()) await session.query(`insert into ${table} values (${id}, 'changed', 0)`);
    return { commit: true };
  });
  const described = await readTable(session, table);
  const changes = new Changes(session);
  for (let time = 0; time < times; time++) {
    for (const [id, [name, seats]] of rows.entries()) {
      const before = { id: String(id), name, seats: time + 1 < times ? "1" : seats };
      const change: RowChange["change"] = { kind: "update", row: String(id), columns: ["name", "seats"] };
      await changes.add({ table: described, change, before, identity: { id: String(id) } });
    }
  }
  await changes.flush();
  const identities = [...rows.keys()].map((id) => ({ id: String(id) }));
  const found = await readRows(session, described, identities, { lock: false });
  const sorted = found.sort((a, b) => Number(a["id"]) - Number(b["id"]));
  return sorted.map(({ name, seats }) => [name, seats]);
}

describe("many rows in one statement", () => {
  const server = needs("PostgreSQL");
  const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

  it("are restored bit for bit in SQLite", async () => {
    const rows: [Cell, Cell][] = [
      ...TEXTS.map((text): [Cell, Cell] => [quoted(text), "9007199254740993"]),
      [null, null],
      [`t'${Buffer.from("a\0b").toString("hex")}'`, "-9223372036854775808"],
      ["x'00ff'", "'no number'"],
      ["'last'", "5"],
    ];
    expect(await restored(await sqlite(), "things", rows)).toEqual(rows);
  });

  it("may be more than one statement takes", async () => {
    const rows = Array.from({ length: 11_000 }, (_, id): [Cell, Cell] => [`'row ${id}'`, String(id)]);
    expect(await restored(await sqlite(), "many", rows)).toEqual(rows);
  });

  it("keep every digit of SQLite's real numbers", async () => {
    const rows = ["68.58063978116991", "0.1", "5.5", "-1.6457394651599298e-308", "9e999"].map((seats): [Cell, Cell] => [
      "'a'",
      seats,
    ]);
    expect(await restored(await sqlite(), "things", rows)).toEqual(rows);
  });

  it("are restored bit for bit in PostgreSQL", async () => {
    const rows: [Cell, Cell][] = [...TEXTS.map((text): [Cell, Cell] => [text, "9007199254740993"]), [null, null]];
    expect(await restored(await opened(server.url), `${server.schema}.things`, rows)).toEqual(rows);
  });

  it("end as the last one says where a row comes twice", async () => {
    const rows: [Cell, Cell][] = [
      ["'a'", "7"],
      ["'b'", "8"],
    ];
    expect(await restored(await sqlite(), "things", rows, 2)).toEqual(rows);
  });
});
