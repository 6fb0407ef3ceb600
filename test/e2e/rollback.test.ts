import { once } from "node:events";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { World } from "../rollback/world.ts";

/** The built program, killed in the middle of taking back: the same command again leaves everything undone once. */

const PROGRAM = join(import.meta.dirname, "../../bin/clawproof.js");
const ACTIONS = 400;
const KILLS = Number(process.env["CLAWPROOF_TEST_KILLS"] ?? 5);

describe("clawproof rollback, killed", () => {
  it(`at ${KILLS} moments, and run again`, { timeout: 120_000 + KILLS * 2_000 }, async () => {
    const world = await World.open();
    world.configure({ undo: { update: { sql: { database: "sqlite:app.db", table: "accounts", key: ["id"] } } } });
    world.app.exec("pragma journal_mode = wal");
    world.app.exec("create table accounts (id integer primary key, seats integer, undone integer default 0)");
    // Counts every restoration: a second one would show.
    world.app.exec(
      "create table touches (id integer); create trigger t after update on accounts begin insert into touches values (new.id); end",
    );
    for (let id = 0; id < ACTIONS / 2; id++)
      world.app.prepare("insert into accounts (id, seats) values (?, 1)").run([id]);
    for (let round = 2; round <= 3; round++) {
      for (let id = 0; id < ACTIONS / 2; id++) {
        await world.change("accounts", { id }, `update accounts set seats = ${round} where id = ${id}`);
      }
    }
    world.app.exec("delete from touches");
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(process.execPath, [PROGRAM, "rollback", "--trace", "t1", "--yes"], {
        cwd: world.directory,
        stdio: "ignore",
      });
      const ended = once(child, "exit");
      const restored = (): number => Number((world.rows("select count(*) as n from touches")[0] as { n: number }).n);
      const goal = restored() + Math.floor((kill * 37) % 90);
      while (child.exitCode === null && restored() <= goal) await new Promise((resolve) => setImmediate(resolve));
      child.kill("SIGKILL");
      await ended;
      // Its claims outlive it by thirty seconds; here nobody waits for them.
      const { default: Libsql } = await import("libsql");
      const file = new Libsql(world.path("actions.db"));
      file.exec("update clawproof_runs set heartbeat = heartbeat - 60000");
      file.close();
    }
    const { status, left } = await world.json(["rollback", "--trace", "t1", "--yes"]);
    expect({ status, left }).toEqual({ status: 0, left: [] });
    expect(world.rows("select distinct seats from accounts")).toEqual([{ seats: 1 }]);
    expect(world.rows("select count(*) as n from touches")).toEqual([{ n: ACTIONS }]);
  });
});
