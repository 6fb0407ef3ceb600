import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { describe, it } from "vitest";
import { afterThisFile } from "../support/ending.ts";
import { needs } from "../support/servers.ts";
import { Histories, type Spelling } from "./histories.ts";
import { mariadbSpelling, postgresSpelling, sqliteSpelling } from "./spellings.ts";

/** The histories in SQLite, PostgreSQL and MariaDB, so many in each. To be called at the top of a test file. */
export function holdHistories(runs: number): void {
  const directory = mkdtempSync(join(tmpdir(), "clawproof-histories-"));
  new Libsql(join(directory, "app.db")).close();
  afterThisFile(() => rmSync(directory, { recursive: true, force: true }));
  const limitMs = Math.max(60_000, runs * 1_000);

  async function hold(spelling: Spelling): Promise<void> {
    const histories = new Histories(spelling);
    await histories.open();
    try {
      await histories.hold(runs);
    } finally {
      await histories.close();
    }
  }

  describe("histories in which others interfere: nothing of theirs is lost, what they left alone comes back", () => {
    it("in SQLite", () => hold(sqliteSpelling(directory)), limitMs);

    describe("in servers", () => {
      const postgres = needs("PostgreSQL");
      it("in PostgreSQL", () => hold({ ...postgresSpelling(postgres.url, postgres.schema), directory }), limitMs);
    });

    describe("in servers", () => {
      const mariadb = needs("MariaDB");
      it("in MariaDB", () => hold({ ...mariadbSpelling(mariadb.url, mariadb.schema), directory }), limitMs);
    });
  });
}
