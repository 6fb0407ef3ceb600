import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { describe, it } from "vitest";
import { afterThisFile } from "../support/ending.ts";
import { needs } from "../support/servers.ts";
import { Histories, type Spelling } from "./histories.ts";
import { mariadbSpelling, postgresSpelling, sqliteSpelling } from "./spellings.ts";

const RUNS = Number(process.env["CLAWPROOF_TEST_HISTORIES"] ?? 70);

const directory = mkdtempSync(join(tmpdir(), "clawproof-histories-"));
new Libsql(join(directory, "app.db")).close();
afterThisFile(() => rmSync(directory, { recursive: true, force: true }));

async function hold(spelling: Spelling): Promise<void> {
  const histories = new Histories(spelling);
  await histories.open();
  try {
    await histories.hold(RUNS);
  } finally {
    await histories.close();
  }
}

const LIMIT_MS = Math.max(60_000, RUNS * 1_000);

describe("histories in which others interfere: nothing of theirs is lost, what they left alone comes back", () => {
  it("in SQLite", () => hold(sqliteSpelling(directory)), LIMIT_MS);

  describe("in servers", () => {
    const postgres = needs("PostgreSQL");
    it("in PostgreSQL", () => hold({ ...postgresSpelling(postgres.url, postgres.schema), directory }), LIMIT_MS);
  });

  describe("in servers", () => {
    const mariadb = needs("MariaDB");
    it("in MariaDB", () => hold({ ...mariadbSpelling(mariadb.url, mariadb.schema), directory }), LIMIT_MS);
  });
});
