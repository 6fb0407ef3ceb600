import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { DatabaseFailed, type Dialect } from "./database.ts";

const DIALECTS: Record<string, Dialect> = {
  sqlite: "sqlite",
  postgres: "postgres",
  postgresql: "postgres",
  mysql: "mysql",
  mariadb: "mysql",
};

/** The part before the first colon: `postgres`. */
const schemeOf = (url: string): string => /^([a-z][a-z0-9+.-]*):/i.exec(url.trim())?.[1]?.toLowerCase() ?? "";

/** Which database a URL names. Throws DatabaseFailed for every scheme but the five. */
export function dialectOf(url: string): Dialect {
  const dialect = DIALECTS[schemeOf(url)];
  if (dialect === undefined) {
    throw new DatabaseFailed("the database is not named by a URL that begins with sqlite:, postgres:// or mysql://");
  }
  return dialect;
}

/** A server's URL taken apart. Throws DatabaseFailed, without a word of the URL: its password may be what breaks it. */
export function serverAddress(url: string): URL {
  try {
    return new URL(url.trim());
  } catch {
    // The parser's own message repeats the URL.
    throw new DatabaseFailed("the database's URL is not valid (special characters in a password are percent-encoded)");
  }
}

/** The path of a `sqlite:` URL as it was written. */
export const sqlitePath = (url: string): string => url.trim().slice("sqlite:".length);

/** A database as reports may show it: neither user nor password nor query. Never throws. */
export function describeDatabase(url: string): string {
  const scheme = schemeOf(url);
  if (DIALECTS[scheme] === "sqlite") return `sqlite:${sqlitePath(url)}`;
  if (!URL.canParse(url.trim()) || DIALECTS[scheme] === undefined) return `${scheme === "" ? "database" : scheme}://…`;
  const { host, pathname } = new URL(url.trim());
  return `${scheme}://${host}${pathname === "/" ? "" : pathname}`;
}

/** Host and port for a message: `127.0.0.1:5433`. */
export function placeOf(url: string, defaultPort: number): string {
  const { hostname, port } = serverAddress(url);
  return `${hostname === "" ? "localhost" : hostname}:${port === "" ? defaultPort : port}`;
}

/** Whether two URLs name the same database, passwords apart. */
export function isSameDatabase(a: string, b: string): boolean {
  try {
    if (dialectOf(a) !== dialectOf(b) || dialectOf(a) === "sqlite") return false;
    const [x, y] = [new URL(a), new URL(b)];
    return x.host === y.host && x.pathname === y.pathname && (x.username === "" || x.username === y.username);
  } catch {
    // A URL that nobody can read is the same as none.
    return false;
  }
}

const PORTS: Record<Exclude<Dialect, "sqlite">, number> = { postgres: 5432, mysql: 3306 };

/** What a database is known by, however its URL spells it; of a server with the user, whose rights may be others. */
export function databaseIdentity(url: string, directory: string): string {
  const dialect = dialectOf(url);
  if (dialect !== "sqlite") {
    const { username, pathname, search } = serverAddress(url);
    return `${dialect} ${username}@${placeOf(url, PORTS[dialect])}${pathname}${search}`;
  }
  const path = resolve(directory, sqlitePath(url));
  try {
    return realpathSync(path);
  } catch {
    // What is not there is told by whoever opens it.
    return path;
  }
}
