import type { Spelling } from "./histories.ts";

/** One table in three dialects, of everything that is hard to compare or to write back bit for bit. */

const TABLE = "things";

export function sqliteSpelling(directory: string): Spelling {
  return {
    url: "sqlite:app.db",
    directory,
    table: TABLE,
    create: [
      `create table ${TABLE} (id integer primary key, name text collate nocase, amount numeric, data text, rate real, at, bytes blob,
        updated_at integer default 0, total generated always as (amount * 2) virtual)`,
      `create trigger kept after update on ${TABLE} when new.updated_at is old.updated_at
        begin update ${TABLE} set updated_at = old.updated_at + 1 where id = new.id; end`,
    ],
    values: {
      name: ["'a'", "'A'", "null", "''", "'it''s'", "'a ' || char(0) || 'b'", "'ü€😀'"],
      amount: ["1", "1.10", "null", "9007199254740993", "-0.5", "'1x'"],
      data: [`'{"a":1}'`, `'{"a": 1}'`, "null", "'[]'"],
      rate: ["0.1", "0.1 + 0.2", "1e300", "-1e-300", "null", "5", "9e999"],
      at: ["'2026-11-22 03:00:00'", "1795316400", "1795316400.25", "null", "x'00ff'"],
      bytes: ["x''", "x'00ff10'", "null", "'text'"],
    },
  };
}

export function postgresSpelling(url: string, schema: string): Spelling {
  return {
    url,
    directory: "/",
    table: `${schema}.${TABLE}`,
    create: [
      `create table ${schema}.${TABLE} (id int primary key, name varchar(20) collate "C", amount numeric(20, 4), data jsonb, rate float8,
        at timestamptz, bytes bytea, updated_at int default 0, total numeric generated always as (amount * 2) stored)`,
      `create function ${schema}.keep() returns trigger language plpgsql as
        'begin new.updated_at = old.updated_at + 1; return new; end'`,
      `create trigger kept before update on ${schema}.${TABLE} for each row execute function ${schema}.keep()`,
    ],
    values: {
      name: ["'a'", "'A'", "null", "''", "'it''s'", "'a '", "'ü€😀'"],
      amount: ["1", "1.1", "null", "9007199254740993.0001", "-0.5", "'NaN'"],
      data: [`'{"a":1}'`, `'{"a":1.0}'`, "null", "'[]'", "'null'"],
      rate: ["0.1", "0.1::float8 + 0.2", "1e300", "-1e-300", "null", "'NaN'", "'-infinity'"],
      at: ["'2026-11-22 03:00:00+01'", "'2026-11-22 03:00:00.000001+01'", "null", "'infinity'", "'0044-03-15 BC'"],
      bytes: ["''", "'\\x00ff10'", "null"],
    },
  };
}

export function mariadbSpelling(url: string, schema: string): Spelling {
  return {
    url,
    directory: "/",
    table: `${schema}.${TABLE}`,
    create: [
      `create table ${schema}.${TABLE} (id int primary key, name varchar(20) character set utf8mb4 collate utf8mb4_general_ci,
        amount decimal(20, 4), data json, rate float, at datetime(6), bytes varbinary(20),
        updated_at timestamp(6) default current_timestamp(6) on update current_timestamp(6),
        total decimal(22, 4) generated always as (amount * 2) virtual)`,
    ],
    values: {
      name: ["'a'", "'A'", "null", "''", "'it''s'", "'a '", "'ü€😀'"],
      amount: ["1", "1.1", "null", "9007199254740993.0001", "-0.5"],
      data: [`'{"a":1}'`, `'{"a": 1}'`, "null", "'[]'"],
      rate: ["0.1", "0.1 + 0.2", "1e30", "-1e-30", "null", "16777217"],
      at: ["'2026-11-22 03:00:00'", "'2026-11-22 03:00:00.000001'", "null", "'1000-01-01'"],
      bytes: ["''", "x'00ff10'", "null"],
    },
  };
}
