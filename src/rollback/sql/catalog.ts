import { DatabaseFailed, type Dialect, type Value } from "../../databases/database.ts";
import type { Session } from "../../databases/session.ts";

/** A column as its database describes it. */
export interface Column {
  name: string;
  /** The type's name in lower case, without length: `varchar`, `timestamp with time zone`; in SQLite whatever was declared. */
  type: string;
  /** The database computes it: nobody can write it. */
  generated: boolean;
  /** PostgreSQL's `generated always as identity`: written only when that is overridden. */
  identityAlways: boolean;
}

/** A foreign key of another table, or of the same one, that points here. */
export interface Reference {
  /** As statements name it: quoted, with its schema. */
  child: string;
  /** As people read it. */
  shown: string;
  columns: readonly string[];
  /** What they point at, in the same order. */
  parentColumns: readonly string[];
  /** What identifies a row of the child; its foreign key where it has no primary key. */
  childIdentity: readonly string[];
}

export interface Table {
  /** `schema.table`, as the database itself spells it: the same for every way to write it. */
  name: string;
  /** As statements name it. */
  quoted: string;
  columns: readonly Column[];
  /** Empty where there is none. */
  primaryKey: readonly string[];
  references: readonly Reference[];
}

/** Reads what must be known of a table before its rows can be compared and restored. Throws DatabaseFailed. */
export async function readTable(session: Session, written: string): Promise<Table> {
  const table = await READERS[session.dialect](session, written);
  if (table.columns.length === 0) throw noTable(written, false);
  // Rows are objects by column, and to an object this is no name like others.
  if (table.columns.some(({ name }) => name === "__proto__"))
    throw new DatabaseFailed(`table ${written} has a column __proto__, which cannot be compared`);
  return table;
}

/** `isOther`: something else has that name, mostly a view. */
const noTable = (written: string, isOther: boolean): DatabaseFailed =>
  new DatabaseFailed(
    isOther
      ? `${written} is no table: only a table's rows can be taken back, so name the one under it`
      : `table ${written} does not exist`,
  );

const READERS: Record<Dialect, (session: Session, written: string) => Promise<Table>> = {
  sqlite: readSqlite,
  postgres: readPostgres,
  mysql: readMysql,
};

const text = (value: Value | undefined): string => (value === null || value === undefined ? "" : String(value));
const quoteWith =
  (mark: string) =>
  (...parts: string[]): string =>
    parts.map((part) => mark + part.replaceAll(mark, mark + mark) + mark).join(".");
const ansi = quoteWith('"');
const backticks = quoteWith("`");

/** `schema.table` taken apart; the schema is empty where none is written. */
function parts(written: string): { schema: string; name: string } {
  const dot = written.indexOf(".");
  return dot < 0 ? { schema: "", name: written } : { schema: written.slice(0, dot), name: written.slice(dot + 1) };
}

async function readSqlite(session: Session, written: string): Promise<Table> {
  const { schema, name: given } = parts(written);
  const within = schema === "" ? "main" : schema;
  const [found] = await session.query(
    `select name from ${ansi(within)}.sqlite_master where type = 'table' and name = ? collate nocase`,
    [given],
  );
  const name = text(found?.["name"]) || given;
  const rows = await session.query("select name, type, hidden, pk from pragma_table_xinfo(?, ?)", [name, within]);
  const keys = rows.filter((row) => Number(row["pk"]) > 0).sort((a, b) => Number(a["pk"]) - Number(b["pk"]));
  const primaryKey = keys.map((row) => text(row["name"]));
  return {
    name: `${within}.${name}`,
    quoted: ansi(within, name),
    // Hidden 1 is a column of a virtual table, which is none of the row's own.
    columns: rows
      .filter((row) => Number(row["hidden"]) !== 1)
      .map((row) => ({
        name: text(row["name"]),
        type: text(row["type"]).toLowerCase(),
        generated: Number(row["hidden"]) > 1,
        identityAlways: false,
      })),
    primaryKey,
    references: await sqliteReferences(session, within, name, primaryKey),
  };
}

async function sqliteReferences(
  session: Session,
  schema: string,
  name: string,
  primaryKey: readonly string[],
): Promise<Reference[]> {
  const rows = await session.query(
    `select m.name as child, f.id, f."from" as child_column, f."to" as parent_column
     from ${ansi(schema)}.sqlite_master m join pragma_foreign_key_list(m.name, ?) f
     where m.type = 'table' and f."table" = ? collate nocase order by m.name, f.id, f.seq`,
    [schema, name],
  );
  const references = [...grouped(rows, (row) => `${text(row["child"])} ${text(row["id"])}`).values()];
  return Promise.all(
    references.map(async (group) => {
      const child = text(group[0]?.["child"]);
      const columns = group.map((row) => text(row["child_column"]));
      const keys = await session.query("select name from pragma_table_xinfo(?, ?) where pk > 0 order by pk", [
        child,
        schema,
      ]);
      const identity = keys.map((row) => text(row["name"]));
      return {
        child: ansi(schema, child),
        shown: `${schema}.${child}`,
        columns,
        // Without a name of its own the parent's primary key is meant.
        parentColumns: group.map((row, index) => text(row["parent_column"]) || (primaryKey[index] ?? "")),
        childIdentity: identity.length === 0 ? columns : identity,
      };
    }),
  );
}

async function readPostgres(session: Session, written: string): Promise<Table> {
  const { schema, name } = parts(written);
  const quotedGiven = schema === "" ? ansi(name) : ansi(schema, name);
  const [found] = await session.query(
    `select c.oid::int8::text as oid, n.nspname::text as schema, c.relname::text as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass($1) and c.relkind in ('r', 'p')`,
    [quotedGiven],
  );
  if (!found) {
    const others = await session.query("select relkind from pg_class where oid = to_regclass($1)", [quotedGiven]);
    throw noTable(written, others.length > 0);
  }
  const oid = text(found["oid"]);
  const own = { schema: text(found["schema"]), name: text(found["name"]) };
  const columns = await session.query(
    `select attname::text as name, format_type(atttypid, null) as type, attidentity::text as identity,
       coalesce(to_jsonb(a) ->> 'attgenerated', '') as generated
     from pg_attribute a where attrelid = $1::text::oid and attnum > 0 and not attisdropped order by attnum`,
    [oid],
  );
  return {
    name: `${own.schema}.${own.name}`,
    quoted: ansi(own.schema, own.name),
    columns: columns.map((row) => ({
      name: text(row["name"]),
      type: text(row["type"]).toLowerCase(),
      generated: text(row["generated"]) !== "",
      identityAlways: text(row["identity"]) === "a",
    })),
    primaryKey: await postgresKey(session, oid),
    references: await postgresReferences(session, oid),
  };
}

const NAMES_OF = (table: string, numbers: string): string =>
  `(select string_agg(att.attname::text, e'\\x01' order by k.place) from unnest(${numbers}) with ordinality as k (number, place)
    join pg_attribute att on att.attrelid = ${table} and att.attnum = k.number)`;
const listed = (value: Value | undefined): string[] => (text(value) === "" ? [] : text(value).split("\u0001"));

async function postgresKey(session: Session, oid: string): Promise<string[]> {
  const [row] = await session.query(
    `select ${NAMES_OF("conrelid", "conkey")} as names from pg_constraint where conrelid = $1::text::oid and contype = 'p'`,
    [oid],
  );
  return listed(row?.["names"]);
}

async function postgresReferences(session: Session, oid: string): Promise<Reference[]> {
  const rows = await session.query(
    `select n.nspname::text as schema, c.relname::text as child, ${NAMES_OF("f.conrelid", "f.conkey")} as columns,
       ${NAMES_OF("f.confrelid", "f.confkey")} as parents,
       (select ${NAMES_OF("p.conrelid", "p.conkey")} from pg_constraint p where p.conrelid = f.conrelid and p.contype = 'p') as keys
     from pg_constraint f join pg_class c on c.oid = f.conrelid join pg_namespace n on n.oid = c.relnamespace
     where f.confrelid = $1::text::oid and f.contype = 'f' order by 1, 2, f.conname`,
    [oid],
  );
  return rows.map((row) => {
    const columns = listed(row["columns"]);
    const identity = listed(row["keys"]);
    return {
      child: ansi(text(row["schema"]), text(row["child"])),
      shown: `${text(row["schema"])}.${text(row["child"])}`,
      columns,
      parentColumns: listed(row["parents"]),
      childIdentity: identity.length === 0 ? columns : identity,
    };
  });
}

async function readMysql(session: Session, written: string): Promise<Table> {
  const given = parts(written);
  const within = given.schema === "" ? "database()" : "?";
  const [found] = await session.query(
    `select table_schema as own_schema, table_name as own_name from information_schema.tables
     where table_schema = ${within} and table_name = ? and (table_type like '%TABLE' or table_type = 'SYSTEM VERSIONED')`,
    given.schema === "" ? [given.name] : [given.schema, given.name],
  );
  if (!found) {
    const others = await session.query(
      `select table_type from information_schema.tables where table_schema = ${within} and table_name = ?`,
      given.schema === "" ? [given.name] : [given.schema, given.name],
    );
    throw noTable(written, others.length > 0);
  }
  const [schema, name] = [text(found["own_schema"]), text(found["own_name"])];
  const columns = await session.query(
    `select column_name as own_name, data_type as type, extra, column_key as own_key from information_schema.columns
     where table_schema = ? and table_name = ? order by ordinal_position`,
    [schema, name],
  );
  return {
    name: `${schema}.${name}`,
    quoted: backticks(schema, name),
    columns: columns.map((row) => ({
      name: text(row["own_name"]),
      type: text(row["type"]).toLowerCase(),
      // `DEFAULT_GENERATED` is MySQL's word for a default that is an expression.
      generated: /(?:virtual|stored|persistent) generated/i.test(text(row["extra"])),
      identityAlways: false,
    })),
    primaryKey: await mysqlKey(session, schema, name),
    references: await mysqlReferences(session, schema, name),
  };
}

async function mysqlKey(session: Session, schema: string, name: string): Promise<string[]> {
  const rows = await session.query(
    `select column_name as own_name from information_schema.statistics
     where table_schema = ? and table_name = ? and index_name = 'PRIMARY' order by seq_in_index`,
    [schema, name],
  );
  return rows.map((row) => text(row["own_name"]));
}

async function mysqlReferences(session: Session, schema: string, name: string): Promise<Reference[]> {
  const rows = await session.query(
    `select table_schema as child_schema, table_name as child, constraint_name as own_constraint, column_name as child_column,
       referenced_column_name as parent_column
     from information_schema.key_column_usage where referenced_table_schema = ? and referenced_table_name = ?
     order by 1, 2, 3, ordinal_position`,
    [schema, name],
  );
  const groups = grouped(rows, (row) => JSON.stringify([row["child_schema"], row["child"], row["own_constraint"]]));
  return Promise.all(
    [...groups.values()].map(async (group) => {
      const [childSchema, child] = [text(group[0]?.["child_schema"]), text(group[0]?.["child"])];
      const columns = group.map((row) => text(row["child_column"]));
      const identity = await mysqlKey(session, childSchema, child);
      return {
        child: backticks(childSchema, child),
        shown: `${childSchema}.${child}`,
        columns,
        parentColumns: group.map((row) => text(row["parent_column"])),
        childIdentity: identity.length === 0 ? columns : identity,
      };
    }),
  );
}

function grouped<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return groups;
}
