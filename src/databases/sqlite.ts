import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fileBeside } from "../doors/beside.ts";
import { errorCode } from "../doors/words.ts";
import { sqlitePath } from "./address.ts";
import { type Connection, DatabaseFailed, type Driver, type OpenOptions, type Parameter } from "./database.ts";

/** Longest wait for a lock; at most half the statement's own limit, so that "locked" is said rather than "late". */
const LOCK_MS = 5_000;

interface Reply {
  id: number;
  rows?: object[];
  error?: { code: string; message: string };
}

/** What the child reports of libsql's error. */
class SqliteRefused extends Error {
  readonly code: string;
  constructor({ code, message }: { code: string; message: string }) {
    super(message);
    this.code = code;
  }
}

async function connect(
  url: string,
  options: OpenOptions,
  destroyLater: (destroy: () => void) => void,
): Promise<Connection> {
  const path = await fileOf(resolve(options.directory, sqlitePath(url)), sqlitePath(url));
  const { execaNode } = await import("execa");
  const child = startChild(execaNode, path, options);
  destroyLater(() => void child.kill("SIGKILL"));
  let messages = 0;
  return {
    async run(sql, parameters) {
      const id = ++messages;
      const isReply = (message: unknown): message is Reply => (message as Reply).id === id;
      const [reply] = await Promise.all([
        child.getOneMessage({ filter: isReply }) as Promise<unknown>,
        child.sendMessage({ id, sql, parameters: [...parameters] as Parameter[] }),
      ]);
      const { rows, error } = reply as Reply;
      if (error) throw new SqliteRefused(error);
      return rows ?? [];
    },
    async close() {
      child.disconnect();
      await child;
    },
    destroy: () => void child.kill("SIGKILL"),
  };
}

/** The file behind a link: beside that one SQLite keeps its -wal. */
export async function fileOf(path: string, written: string): Promise<string> {
  const found = await stat(path).catch((error: unknown) => {
    const why = errorCode(error) === "ENOENT" ? "does not exist" : "cannot be read";
    throw new DatabaseFailed(`${written} ${why}`);
  });
  if (!found.isFile()) throw new DatabaseFailed(`${written} is not a file`);
  return realpath(path);
}

function startChild(
  execaNode: typeof import("execa").execaNode,
  path: string,
  { mode, statementTimeoutMs }: OpenOptions,
) {
  const lockMs = Math.floor(Math.min(LOCK_MS, statementTimeoutMs / 2));
  return execaNode(fileBeside("sqlite-child", import.meta.url), [path, mode, String(lockMs)], {
    ipc: true,
    serialization: "advanced",
    // It needs no secret of ours, and none of the options that this process was started with.
    extendEnv: false,
    nodeOptions: [],
    buffer: false,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    reject: false,
  });
}

const words: Driver["words"] = (error, { url }) => {
  const file = sqlitePath(url);
  if (!(error instanceof SqliteRefused)) return error instanceof Error ? `reading ${file} was cut short` : null;
  return sqliteWords(error, file);
};

/** What SQLite's own error means, in words. */
export function sqliteWords(error: { code: string; message: string }, file: string): string {
  const missing = /no such (table|column): (.+)$/.exec(error.message);
  if (missing) return `${missing[1]} ${missing[2]} does not exist`;
  if (/^SQLITE_(?:BUSY|LOCKED)/.test(error.code) || /database is locked/.test(error.message))
    return "the database is locked";
  if (error.code.startsWith("SQLITE_READONLY")) return "the statement writes, and the database is opened read-only";
  if (error.code === "SQLITE_NOTADB") return `${file} is not a SQLite database`;
  if (error.code === "SQLITE_CORRUPT") return `${file} is damaged`;
  if (/Unable to open|unable to open/.test(error.message)) return `${file} cannot be opened`;
  if (error.code === "SQLITE_FULL") return `the disk of ${file} is full`;
  return `the database refused: ${error.message}`;
}

/** SQLite through libsql, in a process of its own. */
export const sqlite: Driver = { connect, words, graceMs: 0 };
