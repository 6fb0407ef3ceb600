import { expect, it } from "vitest";
import { openSession } from "../../src/databases/session.ts";
import { createCapturer, type Key } from "../../src/rollback/sql/capture.ts";
import { undoRows } from "../../src/rollback/sql/undo.ts";
import { NO_SECRETS } from "../databases/opening.ts";
import { inSchema } from "../ledger/ledgers.ts";
import { afterThisTest } from "../support/ending.ts";
import { needs } from "../support/servers.ts";

const server = needs("MariaDB");
const [PARENT, CHILD] = ["unhex('ff01')", "unhex('fe01')"];

/** Tables that only MariaDB and MySQL know, what is in them, and what an agent does. */
const TABLES: Record<string, { columns: string; options?: string; key: Key; given?: string[]; does: string[] }> = {
  "a 0 that counts up by itself": {
    columns: "id int auto_increment primary key, note int",
    key: { id: 0 },
    given: ["insert into things values (0, 1)"],
    does: ["delete from things"],
  },
  "the year 0": {
    columns: "id year primary key, note year",
    key: { id: 0 },
    given: ["insert into things values (0, 0)"],
    does: ["update things set note = 2026"],
  },
  "dates that are none": {
    columns: "id int primary key, day date, at datetime",
    key: { id: 1 },
    given: ["insert into things values (1, '2026-02-30', '0000-00-00 00:00:00')"],
    does: ["update things set day = '2026-03-01', at = '2026-03-01 00:00:00'"],
  },
  "decimals that are one float": {
    columns: "id decimal(30, 0) primary key, place int, note int",
    key: { place: 1 },
    given: ["insert into things values (9007199254740993, 1, 1), (9007199254740992, 1, 1)"],
    does: ["update things set note = 2 where id = 9007199254740993"],
  },
  "a table that keeps its history": {
    columns: "id int primary key, note int",
    options: "with system versioning",
    key: { id: 1 },
    given: ["insert into things values (1, 1)"],
    does: ["update things set note = 2"],
  },
  "keys of bytes that point at each other": {
    columns: "id binary(2) primary key, parent binary(2), place int, foreign key (parent) references things (id)",
    key: { place: 1 },
    does: [`insert into things values (${PARENT}, null, 1)`, `insert into things values (${CHILD}, ${PARENT}, 1)`],
  },
};

it.each(Object.keys(TABLES))("MariaDB takes back %s", async (name) => {
  const { columns, options = "", key, given = [], does } = TABLES[name] ?? { columns: "", key: {}, does: [] };
  const url = inSchema("mysql", server.url, server.schema);
  const opening = { directory: "/", secrets: NO_SECRETS, statementTimeoutMs: 5_000 };
  const [session, agent] = [await openSession(url, opening), await openSession(url, opening)];
  const capturer = createCapturer(opening);
  afterThisTest(() => Promise.all([session.close(), agent.close(), capturer.close()]));
  await agent.query("set sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'");
  for (const statement of ["drop table if exists things", `create table things (${columns}) ${options}`, ...given]) {
    await agent.query(statement);
  }
  const rows = () => agent.query("select * from things order by 1");
  const first = await rows();
  const found = await capturer.before({ database: url, table: "things" }, key);
  for (const statement of does) await agent.query(statement);
  const captured = await capturer.after({ database: url, table: "things" }, found);
  expect(await rows()).not.toEqual(first);
  const more = { target: "a", table: "things", ignore: [], forced: false, resumed: false };
  const outcomes = await undoRows(session, new Map(), [{ id: "a", subject: { captured }, ...more }]);
  expect(outcomes.get("a")).toEqual({ kind: "undone" });
  expect(await rows()).toEqual(first);
});
