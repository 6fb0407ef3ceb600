import { describe, expect, it } from "vitest";
import { describeDatabase, dialectOf } from "../../src/databases/address.ts";
import { quoteIdentifier, quoteName } from "../../src/databases/identifiers.ts";
import { joined, raw, sql, textOf } from "../../src/databases/sql.ts";

describe("quoted names", () => {
  it.each([
    ["sqlite", "records", '"records"'],
    ["postgres", "audit.records", '"audit"."records"'],
    ["mysql", "audit.records", "`audit`.`records`"],
    ["postgres", 'a"; drop table b; --', '"a""; drop table b; --"'],
    ["sqlite", 'a"."b', '"a"""."""b"'],
    ["mysql", "a` where 1=1 -- ", "`a`` where 1=1 -- `"],
  ] as const)("%s quotes %s as %s", (dialect, name, quoted) => {
    expect(quoteIdentifier(dialect, name)).toBe(quoted);
  });

  it.each(["", "a.", ".a", "a\0b"])("refuses %j, which no table is called", (name) => {
    expect(() => quoteIdentifier("sqlite", name)).toThrow("is not a name");
  });

  it("keeps a dot in a column's name inside it", () => {
    expect(quoteName("postgres", "meta.type")).toBe('"meta.type"');
  });
});

describe("statements", () => {
  it("number their parameters in PostgreSQL and mark them elsewhere", () => {
    const both = joined([sql`a = ${1}`, sql`b = ${"x"}`], " and ");
    const statement = sql`select ${raw("c")} from t where ${both} limit ${3}`;
    expect(textOf(statement, "postgres")).toBe("select c from t where a = $1 and b = $2 limit $3");
    expect(textOf(statement, "sqlite")).toBe("select c from t where a = ? and b = ? limit ?");
    expect(statement.values).toEqual([1, "x", 3]);
  });

  it("never take a value for a part of the text", () => {
    expect(textOf(sql`select ${"1; drop table t"}`, "mysql")).toBe("select ?");
  });
});

describe("a database's address", () => {
  it.each([
    ["sqlite:agent.db", "sqlite:agent.db"],
    ["postgres://kim:hunter22@db.example:5433/app?sslmode=require&password=x", "postgres://db.example:5433/app"],
    ["mysql://root@127.0.0.1/", "mysql://127.0.0.1"],
    ["postgres://kim:p[a%ss@word@db.example:x/app", "postgres://…"],
    ["hunter22", "database://…"],
  ])("%s is shown as %s", (url, shown) => {
    expect(describeDatabase(url)).toBe(shown);
  });

  it.each([
    ["sqlite:a.db", "sqlite"],
    ["postgresql://h/d", "postgres"],
    ["mariadb://h/d", "mysql"],
  ])("%s is %s", (url, dialect) => {
    expect(dialectOf(url)).toBe(dialect);
  });

  it.each(["mongodb://h/d", "agent.db", ""])("refuses %j", (url) => {
    expect(() => dialectOf(url)).toThrow("begins with sqlite:, postgres:// or mysql://");
  });
});
