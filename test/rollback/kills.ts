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
/** After so many kills it is all taken back for good, and begun anew. */
const KILLS_A_SET = 5;
/** A run of this size takes about so long once it has begun, in milliseconds; kills that come too late shorten it. */
const RUN_MS = 60;
const SHORTER = 0.8;
/** Of as many kills as are asked for so many more may come too late. */
const MISSES_A_KILL = 3;

export interface Databases {
  ledger: string;
  app: string;
  /** Makes `accounts (id, seats)` and, filled by a trigger on each update, `touches (id)`. */
  schema: readonly string[];
}

/** Kills so many runs of `clawproof rollback` under way, each at a random instant after it has begun; a miss is no kill. */
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
  let runMs = RUN_MS;
  /** Whether the kill met a run under way: one that ended has said so. */
  const killOne = async (trace: string): Promise<boolean> => {
    const broken = await count("clawproof_runs where ended_at is null");
    const runs = await count("clawproof_runs");
    const child = spawn(process.execPath, [PROGRAM, "rollback", "--trace", trace, "--yes"], {
      cwd: world.directory,
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    while (child.exitCode === null && (await count("clawproof_runs")) === runs) await pause(1);
    await pause(Math.random() * runMs);
    child.kill("SIGKILL");
    await ended;
    // Its claims outlive it by thirty seconds; here nobody waits for them.
    await books.query("update clawproof_runs set heartbeat = heartbeat - 60000");
    const met = (await count("clawproof_runs where ended_at is null")) > broken;
    if (!met) runMs *= SHORTER;
    return met;
  };

  try {
    world.configure({ ledger: databases.ledger, undo: { update: { sql: { ...target, key: ["id"] } } } });
    for (const statement of databases.schema) await app.query(statement);
    for (const id of ids) await app.query(`insert into accounts (id, seats) values (${id}, 1)`);
    let missed = 0;
    for (let set = 0, killed = 0; killed < kills; set++) {
      const trace = `set-${set}`;
      await record(trace);
      // After a miss all is taken back, and there is nothing to kill.
      for (let met = true, inSet = 0; met && inSet < KILLS_A_SET && killed < kills; inSet++) {
        met = await killOne(trace);
        if (met) killed++;
        else missed++;
      }
      expect(missed, "kills that came too late").toBeLessThanOrEqual(10 + kills * MISSES_A_KILL);
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
