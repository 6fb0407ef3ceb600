import { describe, it } from "vitest";
import { inSchema } from "../ledger/ledgers.ts";
import { needs } from "../support/servers.ts";
import { killRollbacks } from "./kills.ts";
import { World } from "./world.ts";

/** So many kills in each database; one takes a second or two on a busy machine. */
export function suiteOfKills(kills: number): void {
  const timeout = 120_000 + kills * 5_000;

  describe("clawproof rollback, killed", () => {
    it(`in SQLite at ${kills} moments, and run again`, { timeout }, async () => {
      const world = await World.open();
      world.app.exec("pragma journal_mode = wal");
      const schema = [
        "create table accounts (id integer primary key, seats integer)",
        "create table touches (id integer)",
        "create trigger t after update on accounts begin insert into touches values (new.id); end",
      ];
      await killRollbacks(world, { ledger: "sqlite:actions.db", app: "sqlite:app.db", schema }, kills);
    });

    describe("with both in one server", () => {
      const server = needs("PostgreSQL");

      it(`in PostgreSQL at ${kills} moments, and run again`, { timeout }, async () => {
        const url = inSchema("postgres", server.url, server.schema);
        const schema = [
          "create table accounts (id integer primary key, seats integer)",
          "create table touches (id integer)",
          "create function note() returns trigger language plpgsql as 'begin insert into touches values (new.id); return new; end'",
          "create trigger t after update on accounts for each row execute function note()",
        ];
        await killRollbacks(await World.open(), { ledger: url, app: url, schema }, kills);
      });
    });
  });
}
