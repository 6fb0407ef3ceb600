import { describe, expect, it } from "vitest";
import { refuseAllButOneRead } from "../../src/databases/one-read.ts";

const READING = [
  "select 1",
  "SELECT 1",
  "with a as (select 1) select * from a",
  "values (1)",
  "  -- why\n /* and how */ (select 1)",
  "select ';' from t",
];

describe("one reading statement", () => {
  it.each(READING)("lets %j through", (sql) => {
    expect(() => refuseAllButOneRead("sqlite", sql)).not.toThrow();
    expect(() => refuseAllButOneRead("postgres", sql)).not.toThrow();
    expect(() => refuseAllButOneRead("mysql", sql)).not.toThrow();
  });

  it.each([
    "insert into t values (1)",
    "copy (select 1) to program 'touch /tmp/x'",
    "pragma query_only = 0",
    "attach 'x.db' as x",
    "vacuum into 'x.db'",
    "set global read_only = 0",
    "call p()",
    "explain analyze insert into t values (1)",
    "selection",
    "",
  ])("refuses %j", (sql) => {
    expect(() => refuseAllButOneRead("postgres", sql)).toThrow("only a query that reads");
  });

  it("refuses files of MySQL's server, and comments that it runs", () => {
    expect(() => refuseAllButOneRead("mysql", "select 1 into\noutfile '/tmp/x'")).toThrow("into outfile");
    expect(() => refuseAllButOneRead("mysql", "/*!50000 insert into t */ select 1")).toThrow("only a query that reads");
  });

  it.each(["select 1; select 2", "select 1;; drop table t", "select 1; -- a\n select 2"])(
    "refuses a second statement, which SQLite's driver drops in silence: %j",
    (sql) => expect(() => refuseAllButOneRead("sqlite", sql)).toThrow("more than one statement"),
  );

  it.each(["select 1;", "select 1 ; -- done", "select ';', \";\", `;`, [;] -- ;\n /* ; */", "select 'it''s; so'"])(
    "knows a semicolon that ends nothing: %j",
    (sql) => expect(() => refuseAllButOneRead("sqlite", sql)).not.toThrow(),
  );
});
