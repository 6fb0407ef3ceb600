/**
 * The process in which one SQLite file is read or written: libsql's calls hold the event loop, and a process can be
 * ended in the middle of one. Arguments: the path, `read-only` or `read-write`, the time to wait for a lock in
 * milliseconds. It answers each message `{ id, sql, parameters }` with `{ id, rows }` or `{ id, error: { code, message } }`.
 * Plain JavaScript, because tests start it from here and Node 20 reads no types.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import Database from "libsql";

const [path = "", mode, lockMs] = process.argv.slice(2);

/** libsql ignores `readonly` and creates what is missing; the URL's mode holds. */
const READ_WRITE = "mode=rw";
const READ_ONLY = "mode=ro";
/** Without locks and without -wal and -shm files. Right only while nobody writes. */
const STILL = "mode=ro&immutable=1";

/** Functions and commands that reach beyond the file; neither `mode=ro` nor `query_only` stops them. */
const REACHES_OUT = /^(?:writefile|edit|load_extension|sqlite_attach|sqlite_detach|sqlite3mc_\w+|fts3_tokenizer)\(/;
const WRITES = new Set(["OpenWrite", "Vacuum", "VUpdate", "ParseSchema", "JournalMode"]);

/**
 * Opens the file for one piece of work. A connection that stayed open would go on holding what libsql forgets to reset.
 * @template T
 * @param {string} query
 * @param {(database: Database) => T} work
 */
function using(query, work) {
  const database = new Database(`${pathToFileURL(path).href}?${query}`, { timeout: Number(lockMs) });
  try {
    if (query !== READ_WRITE) database.exec("pragma query_only = 1");
    database.defaultSafeIntegers(true);
    return work(database);
  } finally {
    database.close();
  }
}

/** A database in WAL mode that nobody has open: plain reading would leave a -wal and a -shm file beside it. */
function isStill() {
  if (existsSync(`${path}-wal`)) return false;
  const header = Buffer.alloc(20);
  const file = openSync(path, "r");
  try {
    readSync(file, header, 0, header.length, 0);
  } finally {
    closeSync(file);
  }
  return header[18] === 2;
}

function stamp() {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs} ${existsSync(`${path}-wal`)}`;
}

function run(query, sql, parameters) {
  // On a connection of its own: after EXPLAIN, libsql never ends the next read, and the agent could not write.
  if (query !== READ_WRITE) using(query, (database) => refuseWhatReachesOut(database, sql));
  return using(query, (database) => {
    const statement = database.prepare(sql);
    if (statement.reader) return statement.all(parameters);
    statement.run(parameters);
    return [];
  });
}

function refuseWhatReachesOut(database, sql) {
  for (const { opcode, p4 } of database.prepare(`explain ${sql}`).all()) {
    if (WRITES.has(opcode) || REACHES_OUT.test(String(p4))) {
      throw Object.assign(new Error("attempt to write a readonly database"), { code: "SQLITE_READONLY" });
    }
  }
}

/** Reads a still file as it stands, and once more with locks where somebody began to write meanwhile. */
function answer(sql, parameters) {
  if (mode === "read-write") return run(READ_WRITE, sql, parameters);
  if (!isStill()) return run(READ_ONLY, sql, parameters);
  const before = stamp();
  try {
    const rows = run(STILL, sql, parameters);
    if (stamp() === before) return rows;
  } catch (error) {
    if (stamp() === before) throw error;
  }
  return run(READ_ONLY, sql, parameters);
}

/** Where whoever asked is killed, nobody ends an endless query, and this thread is deep in it: another one watches. */
const WATCH = `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, "SIGKILL"), 500);`;
new Worker(WATCH, { eval: true }).unref();

process.on("message", ({ id, sql, parameters }) => {
  try {
    process.send?.({ id, rows: answer(sql, parameters) });
  } catch (error) {
    process.send?.({ id, error: { code: String(error.code ?? ""), message: String(error.message) } });
  }
});
