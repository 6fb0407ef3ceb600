// The bare durable insert that recording is measured against: the driver itself, a prepared statement, a table with a key
// and one text, nothing of ours.
import Database from "libsql";
import { createConnection } from "mysql2/promise";
import pg from "pg";

/**
 * @typedef {object} Bare
 * @property {(id: string, content: string) => Promise<unknown>} insert resolves when it is on the disk
 * @property {() => Promise<unknown>} close
 *
 * @type {Record<string, (url: string) => Promise<Bare>>}
 */
export const BARE = {
  async sqlite(url) {
    const database = new Database(url.slice("sqlite:".length));
    database.pragma("journal_mode = wal");
    database.pragma("synchronous = FULL");
    database.exec("create table bare (id text primary key, content text not null)");
    const statement = database.prepare("insert into bare values (?, ?)");
    return { insert: async (id, content) => statement.run(id, content), close: async () => database.close() };
  },
  async postgres(url) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query("create table bare (id text primary key, content text not null)");
    const statement = { name: "bare", text: "insert into bare values ($1, $2)" };
    return {
      insert: (id, content) => client.query({ ...statement, values: [id, content] }),
      close: () => client.end(),
    };
  },
  async mysql(url) {
    const connection = await createConnection(url);
    await connection.query("create table bare (id varchar(32) primary key, content longtext not null)");
    return {
      insert: (id, content) => connection.execute("insert into bare values (?, ?)", [id, content]),
      close: () => connection.end(),
    };
  },
};
