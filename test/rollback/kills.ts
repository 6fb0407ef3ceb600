import { once } from "node:events";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { openSession } from "../../src/databases/session.ts";
import { openLedger } from "../../src/ledger/open.ts";
import { createCapturer } from "../../src/rollback/sql/capture.ts";
import { NO_SECRETS } from "../databases/opening.ts";
import type { World } from "./world.ts";

/** The built program, killed in the middle of taking back: the same command again leaves everything undone once. */

const PROGRAM = join(import.meta.dirname, "../../bin/clawproof.js");
/** Each is changed twice: the older change waits for the newer one. */
const ROWS = 150;
const CHANGES = 2;
/** After so many kills it is all taken back for good, and begun anew: most of them must meet work under way. */
const KILLS_A_SET = 5;
/** A run of this size takes about so long once it has begun, in milliseconds. */
const RUN_MS = 60;

export interface Databases {
  ledger: string;
  app: string;
  /** Makes `accounts (id, seats)` and, filled by a trigger on each update, `touches (id)`. */
  schema: readonly string[];
}

/** Kills so many runs of `clawproof rollback`, each at a random instant after it has begun. */
export async function killRollbacks(world: World, databases: Databases, kills: number): Promise<void> {
  const options = { directory: world.directory, secrets: NO_SECRETS, statementTimeoutMs: 10_000 };
  const app = await openSession(databases.app, options);
  const capturer = createCapturer(options);
  const ledger = await openLedger(databases.ledger, { directory: world.directory });
  const books = await openSession(databases.ledger, options);
  const count = async (from: string): Promise<number> =>
    Number((await books.query(`select count(*) as n from ${from}`))[0]?.["n"]);
  const target = { database: databases.app, table: "accounts" };
  const ids = Array.from({ length: ROWS }, (_, id) => id);

  const record = async (trace: string): Promise<void> => {
    for (let change = 1; change <= CHANGES; change++) {
      const before = await Promise.all(ids.map((id) => capturer.before(target, { id })));
      const action = { trace_id: trace, agent: "support", type: "update", effect: "write" } as const;
      const begun = await Promise.all(
        ids.map((id) => ledger.begin({ ...action, target: `accounts/${id}`, captured: before[id] })),
      );
      await app.query(`update accounts set seats = ${change + 1}`);
      await Promise.all(
        before.map(async (captured, id) => {
          await ledger.end(begun[id] ?? "", { status: "done", captured: await capturer.after(target, captured) });
        }),
      );
    }
    await app.query("delete from touches");
  };
  const killOne = async (trace: string): Promise<void> => {
    const runs = await count("clawproof_runs");
    const child = spawn(process.execPath, [PROGRAM, "rollback", "--trace", trace, "--yes"], {
      cwd: world.directory,
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    while (child.exitCode === null && (await count("clawproof_runs")) === runs) await pause(1);
    await pause(Math.random() * RUN_MS);
    child.kill("SIGKILL");
    await ended;
    // Its claims outlive it by thirty seconds; here nobody waits for them.
    await books.query("update clawproof_runs set heartbeat = heartbeat - 60000");
  };

  try {
    world.configure({ ledger: databases.ledger, undo: { update: { sql: { ...target, key: ["id"] } } } });
    for (const statement of databases.schema) await app.query(statement);
    for (const id of ids) await app.query(`insert into accounts (id, seats) values (${id}, 1)`);
    for (let done = 0; done < kills; done += KILLS_A_SET) {
      const trace = `set-${done}`;
      await record(trace);
      for (let kill = done; kill < Math.min(done + KILLS_A_SET, kills); kill++) await killOne(trace);
      const { status, left } = await world.json(["rollback", "--trace", trace, "--yes"]);
      expect({ status, left }).toEqual({ status: 0, left: [] });
      const [row] = await app.query("select min(seats) as low, max(seats) as high from accounts");
      expect([Number(row?.["low"]), Number(row?.["high"])]).toEqual([1, 1]);
      // Counts every restoration: a second one would show.
      const [touches] = await app.query("select count(*) as n from touches");
      expect(Number(touches?.["n"])).toBe(ROWS * CHANGES);
    }
  } finally {
    await Promise.all([app.close(), books.close(), capturer.close(), ledger.close()]);
  }
}
