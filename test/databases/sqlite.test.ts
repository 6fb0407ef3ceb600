import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { using, whyOf } from "./opening.ts";

let directory: string;
const at = (name: string): string => join(directory, name);
const files = (): string[] => readdirSync(directory).sort();

/** Two million rows out of nothing: seconds of work that no index shortens. */
const LONG =
  "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000000) select count(*) as n, sum(i % 7) as s from n";
const ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";

function create(name: string, ...statements: string[]): Libsql.Database {
  const database = new Libsql(at(name));
  for (const statement of statements) database.exec(statement);
  return database;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "clawproof-sqlite-"));
  create("agent.db", "create table t (a integer, b text)", "insert into t values (1, 'one'), (2, null)").close();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("reading SQLite", () => {
  it("gives rows and takes parameters", async () => {
    const rows = await using("sqlite:agent.db", { directory }, (database) =>
      database.query("select a, b from t where a = ? or b is ? order by a", [1, null]),
    );
    expect(rows).toEqual([
      { a: 1n, b: "one" },
      { a: 2n, b: null },
    ]);
  });

  it("finds a file whose name a URL would misread", async () => {
    copyFileSync(at("agent.db"), at("a #1?mode=rw 100%.db"));
    const [row] = await using("sqlite:a #1?mode=rw 100%.db", { directory }, (database) =>
      database.query("select count(*) as n from t"),
    );
    expect(row).toEqual({ n: 2n });
  });

  it("answers several at once, each with its own rows", async () => {
    const rows = await using("sqlite:agent.db", { directory }, (database) =>
      Promise.all([1, 2, 3].map((n) => database.query("select ? as n", [n]))),
    );
    expect(rows.map(([row]) => Number(row?.["n"]))).toEqual([1, 2, 3]);
  });
});

describe("read-only SQLite", () => {
  const WRITES = [
    "insert into t values (3, 'three')",
    "update t set b = 'x'",
    "delete from t",
    "create table u (a)",
    "create temp table u (a)",
    "insert into t values (3, 'three') returning a",
    "with x as (select 1) insert into t select 1, 'x' from x",
    "attach 'new.db' as n",
    "vacuum into 'copy.db'",
    "pragma query_only = 0",
    "pragma user_version = 7",
    "pragma journal_mode = wal",
    "select writefile('written.txt', 'x')",
    "select load_extension('x')",
    "select 1; insert into t values (3, 'three')",
  ];

  it.each(WRITES)("refuses %s, and the folder stays as it is", async (sql) => {
    const before = readFileSync(at("agent.db"));
    const why = await whyOf(using("sqlite:agent.db", { directory }, (database) => database.query(sql)));
    expect(why).toMatch(/read-only|only a query that reads|more than one statement|not authorized/);
    expect(files()).toEqual(["agent.db"]);
    expect(readFileSync(at("agent.db")).equals(before)).toBe(true);
  });

  it("refuses a view that writes a file when it is read", async () => {
    create("agent.db", `create view v as select writefile('${at("written.txt")}', a) as w from t`).close();
    await whyOf(using("sqlite:agent.db", { directory }, (database) => database.query("select * from v")));
    expect(files()).toEqual(["agent.db"]);
  });

  it("lets a writer write: read-write is another mode", async () => {
    await using("sqlite:agent.db", { directory, mode: "read-write" }, (database) =>
      database.query("insert into t values (?, ?)", [3, "three"]),
    );
    const rows = await using("sqlite:agent.db", { directory }, (database) => database.query("select a from t"));
    expect(rows).toHaveLength(3);
  });
});

describe("SQLite in WAL mode", () => {
  it("is read while the agent has it open, its last write included", async () => {
    const agent = create("wal.db", "pragma journal_mode = wal", "create table t (a)");
    try {
      await using("sqlite:wal.db", { directory }, async (database) => {
        agent.exec("insert into t values (1)");
        expect(await database.query("select count(*) as n from t")).toEqual([{ n: 1n }]);
        agent.exec("insert into t values (2)");
        expect(await database.query("select count(*) as n from t")).toEqual([{ n: 2n }]);
      });
    } finally {
      agent.close();
    }
  });

  it("is read through a link, with what stands only in the -wal beside the file itself", async () => {
    mkdirSync(at("data"));
    const agent = create("data/wal.db", "pragma journal_mode = wal", "create table t (a)", "insert into t values (1)");
    symlinkSync(at("data/wal.db"), at("link.db"));
    try {
      const rows = await using("sqlite:link.db", { directory }, (database) => database.query("select a from t"));
      expect(rows).toEqual([{ a: 1n }]);
    } finally {
      agent.close();
    }
  });

  it("leaves no file behind where nobody has it open", async () => {
    create("wal.db", "pragma journal_mode = wal", "create table t (a)", "insert into t values (1)").close();
    const before = files();
    expect(before).not.toContain("wal.db-wal");
    await using("sqlite:wal.db", { directory }, async (database) => {
      expect(await database.query("select count(*) as n from t")).toEqual([{ n: 1n }]);
      expect(files()).toEqual(before);
    });
    expect(files()).toEqual(before);
  });

  it("sees what an agent writes that starts between two queries", async () => {
    create("wal.db", "pragma journal_mode = wal", "create table t (a)").close();
    await using("sqlite:wal.db", { directory }, async (database) => {
      expect(await database.query("select count(*) as n from t")).toEqual([{ n: 0n }]);
      create("wal.db", "insert into t values (1)").close();
      expect(await database.query("select count(*) as n from t")).toEqual([{ n: 1n }]);
    });
  });
});

describe("an agent that writes while the audit has its SQLite open", () => {
  it.each(["wal", "delete"])("is not held up by what was read, nor by what failed (journal: %s)", async (journal) => {
    const agent = create(
      "busy.db",
      `pragma journal_mode = ${journal}`,
      "create table t (a)",
      "insert into t values (1)",
    );
    try {
      await using("sqlite:busy.db", { directory }, async (database) => {
        await database.query("select * from t");
        agent.exec("insert into t values (2)");
        await whyOf(database.query("select abs(-9223372036854775807 - a) from t"));
        agent.exec("insert into t values (3)");
        await whyOf(database.query("select writefile('x', a) from t"));
        agent.exec("insert into t values (4)");
        expect(await database.query("select count(*) as n from t")).toEqual([{ n: 4n }]);
      });
    } finally {
      agent.close();
    }
  });
});

describe("SQLite that takes long", () => {
  it("is ended with its process, in words", async () => {
    await using("sqlite:agent.db", { directory, statementTimeoutMs: 1_000 }, async (database) => {
      const began = performance.now();
      expect(await whyOf(database.query(ENDLESS))).toBe("the database did not answer in 1 s");
      expect(performance.now() - began).toBeLessThan(10_000);
    });
  });

  it("is ended by the signal", async () => {
    const controller = new AbortController();
    await using("sqlite:agent.db", { directory, signal: controller.signal }, async (database) => {
      const asked = whyOf(database.query(ENDLESS));
      controller.abort();
      expect(await asked).toBe("interrupted");
    });
  });

  it("lets this process go on while millions of rows are counted", async () => {
    await using("sqlite:agent.db", { directory }, async (database) => {
      await database.query("select 1");
      let ticks = 0;
      const ticking = setInterval(() => (ticks += 1), 5);
      const [row] = await database.query(LONG);
      clearInterval(ticking);
      expect(Number(row?.["n"])).toBe(2_000_000);
      // A query in this process would leave none; how long the longest gap is, bench/records.mjs measures.
      expect(ticks).toBeGreaterThan(10);
    });
  });
});

describe("SQLite whose reader was killed", () => {
  it("is not read on for ever", async () => {
    const child = fileURLToPath(new URL("../../src/databases/sqlite-child.mjs", import.meta.url));
    const reader = spawn(process.execPath, [
      "-e",
      `const reading = require("node:child_process").fork(${JSON.stringify(child)}, [${JSON.stringify(at("agent.db"))}, "read-only", "100"]);
       reading.send({ id: 1, sql: "select 1", parameters: [] });
       reading.once("message", () => {
         reading.send({ id: 2, sql: ${JSON.stringify(ENDLESS)}, parameters: [] });
         console.log(reading.pid);
       });`,
    ]);
    const [printed] = (await once(reader.stdout, "data")) as [Buffer];
    reader.kill("SIGKILL");
    await vi.waitUntil(() => !isAlive(Number(printed.toString())), { timeout: 10_000 });
  });
});

function isAlive(pid: number): boolean {
  try {
    // A process that has ended and that nobody waits for stays in the table.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    // Its folder is gone with it.
    return false;
  }
}

describe("SQLite that cannot be read", () => {
  it("says that the file is missing, and does not make it", async () => {
    expect(await whyOf(using("sqlite:none.db", { directory }, () => Promise.resolve()))).toBe("none.db does not exist");
    expect(existsSync(at("none.db"))).toBe(false);
  });

  it("says that it is a folder, or no database", async () => {
    writeFileSync(
      at("text.db"),
      "a text that is longer than the header of a database, and is none at all\n".repeat(20),
    );
    const ask = (url: string) => whyOf(using(url, { directory }, (database) => database.query("select * from t")));
    expect(await ask("sqlite:.")).toBe(". is not a file");
    expect(await ask("sqlite:text.db")).toBe("text.db is not a SQLite database");
  });

  it("says that it is locked", async () => {
    const agent = create("agent.db", "begin exclusive", "insert into t values (3, 'three')");
    // Half of it is for the lock, the other for a machine that is busy.
    const options = { directory, statementTimeoutMs: 4_000 };
    try {
      expect(await whyOf(using("sqlite:agent.db", options, (database) => database.query("select * from t")))).toBe(
        "the database is locked",
      );
    } finally {
      agent.close();
    }
  });

  it.each([
    ["select * from nope", "table nope does not exist"],
    ["select nope from t", "column nope does not exist"],
    ['select "nope" from t', "column nope does not exist"],
    ["select from t", 'the database refused: near "from": syntax error'],
  ])("says of %s: %s", async (sql, why) => {
    expect(await whyOf(using("sqlite:agent.db", { directory }, (database) => database.query(sql)))).toBe(why);
  });

  it("says so where its process is gone, and goes on saying so", async () => {
    await using("sqlite:agent.db", { directory, statementTimeoutMs: 300 }, async (database) => {
      expect(await whyOf(database.query(ENDLESS))).toBe("the database did not answer in 300 ms");
      expect(await whyOf(database.query("select 1"))).toBe("reading agent.db was cut short");
    });
  });
});
