import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { processInfo } from "../../src/doors/process-info.mjs";
import { parseDrillLine } from "../../src/drill/parse.ts";
import { BIN } from "../e2e/support.ts";
import { rowsOf, type Sample, told, withSample } from "../e2e/drill-sample.ts";

/**
 * Drills, ended at random moments in every way: nothing is left pulled past its time to live or the next run, nothing
 * frozen, no half-written line, and nothing written after the next drill. Mostly waiting, so samples run side by side.
 */

const DRILLS = Number(process.env["CLAWPROOF_TEST_DRILLS"] ?? 100);
const SAMPLES = ["guarded", "guarded", "guarded", "ready"];
/** A drill takes about so long, in milliseconds; one of a busy machine longer. */
const DRILL_MS = 9_500;
/** Every fourth is held under one of these, where the sample consents. */
const FAULTS = ["agent-frozen", "agent-killed", "switch-down", "switch-slow"];
/** So long a fault adds. */
const FAULT_MS = 8_000;
/** A guardian puts back at once when its drill dies; what it starts again takes a moment. */
const PUT_BACK_MS = 45_000;
/** So long after the stop is seen, all is taken back and released. */
const BUSY_MS = 500;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGKILL", "SIGKILL"] as const;

describe(`clawproof drill, ended ${DRILLS} times at random moments`, () => {
  it.concurrent.each(SAMPLES.map((name, index) => [name, index] as const))(
    "%s (%i)",
    async (name, index) => {
      const count = Math.floor(DRILLS / SAMPLES.length) + (index < DRILLS % SAMPLES.length ? 1 : 0);
      await withSample(name, (sample) => endDrills(sample, count));
    },
    120_000 + DRILLS * 30_000,
  );
});

async function endDrills(sample: Sample, count: number): Promise<void> {
  const before = standing(sample);
  const consents = (await readFile(join(sample.folder, "clawproof.yaml"), "utf8")).includes("\n  faults:");
  const happened: string[] = [];
  for (let round = 0; round < count; round++) {
    const signal = SIGNALS[Math.floor(Math.random() * SIGNALS.length)] ?? "SIGKILL";
    const lines = (await sample.lines()).length;
    const fault = consents && Math.random() < 0.25 ? FAULTS[Math.floor(Math.random() * FAULTS.length)] : undefined;
    const drill = sample.drill(fault === undefined ? [] : ["--fault", fault]);
    const moment = await Promise.race([randomMoment(drill, fault), drill.then(() => "too late")]);
    drill.kill(signal);
    const ended = await drill;
    const how = `${signal} ${moment}: ${ended.exitCode ?? "killed"}`;
    happened.push(how);
    const context = `${how}\n${ended.stdout}${ended.stderr}`;
    await expectWholeLines(sample, context);
    await sample.expectNoSecret(ended.stdout + ended.stderr);
    if (ended.signal !== "SIGKILL") {
      // It dies of the signal itself only before it listens, with nothing begun, or after all is done and said.
      const gained = (await sample.lines()).length - lines;
      const possible = { 0: [1], 130: [0], died: [0, 1] } as Record<string, number[]>;
      expect(possible[ended.exitCode ?? "died"] ?? [], context).toContain(gained);
      await expectNothingLeft(sample, before, context);
      continue;
    }
    await expectAllRuns(sample, context);
    await expectSwitchEndsItself(sample, context);
    // The next one puts back and takes back; every second killed one is followed by another that is ended as well.
    if (Math.random() < 0.5 && round < count - 1) continue;
    const next = await sample.drill();
    const both = `${context}\n--- then\n${next.stdout}${next.stderr}`;
    expect(next.exitCode, both).toBe(0);
    await expectNothingLeft(sample, before, both);
  }
  const last = await sample.drill();
  expect(last.exitCode, `${happened.join("\n")}\n${last.stdout}${last.stderr}`).toBe(0);
  await expectNothingLeft(sample, before, happened.join("\n"));
  const audit = await execa(process.execPath, [BIN, "--check", "05.10", "-q", "--no-color"], { cwd: sample.folder });
  expect(audit.stdout).toMatch(/^\[PASS\] Kill switch drill today: /m);
  process.stderr.write(`${sample.name}: ${happened.join("; ")}\n`);
}

/** Any moment of it; as often one of those in which much happens at once: when it writes, and when it takes back. */
async function randomMoment(drill: ReturnType<Sample["drill"]>, fault: string | undefined): Promise<string> {
  const step = Math.random() < 0.5 ? null : Math.random() < 0.3 ? "breaker" : "stop";
  if (step !== null) await told(drill, step).catch(() => undefined);
  const ms = Math.random() * (step !== null ? BUSY_MS : fault === undefined ? DRILL_MS : DRILL_MS + FAULT_MS);
  await pause(ms);
  return `${(ms / 1_000).toFixed(2)} s after ${step ?? "its start"}${fault === undefined ? "" : ` under ${fault}`}`;
}

/** What a team would miss: all rows of the guarded one's database; of the other, what is no record of what was undone. */
function standing(sample: Sample): unknown {
  const rows = sample.rows();
  if (sample.name === "guarded") return rows;
  const { accounts, outbox = [] } = rows as Record<string, { retracted_at: string | null }[]>;
  return { accounts, outbox: outbox.filter((mail) => mail.retracted_at === null) };
}

async function expectNothingLeft(sample: Sample, before: unknown, context: string): Promise<void> {
  expect(await sample.left(), context).toEqual([]);
  expect(await pulledScopes(sample), context).toEqual([]);
  expect(await writes(sample), context).toBe(200);
  expect(standing(sample), context).toEqual(before);
  if (sample.name === "guarded") expectAllUndone(sample, context);
}

function expectAllUndone({ folder }: Sample, context: string): void {
  const actions = rowsOf(join(folder, "actions.db"))["clawproof_actions"] as Record<string, unknown>[];
  const left = actions.filter(
    ({ drill, status, undo_status: undo, before, after }) =>
      drill === 1 && status === "done" && undo !== "undone" && !(undo === "none" && before === after),
  );
  expect(left, context).toEqual([]);
}

/** A marked call that writes what is there already. */
async function writes({ urls }: Sample): Promise<number> {
  const response = await fetch(`${urls.agent}/accounts/drill`, { headers: { "clawproof-drill": "1" } });
  return response.status;
}

async function pulledScopes(sample: Sample): Promise<unknown[]> {
  if (sample.name === "guarded") return sample.orders();
  const token = (await readFile(join(sample.folder, "run/switch-token"), "utf8")).trim();
  const response = await fetch(`${sample.urls.switch}/state?scope=drill/subscription-support`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { stopped } = (await response.json()) as { stopped: boolean };
  return stopped ? ["drill/subscription-support"] : [];
}

/** Agent and switch run: nothing is frozen, and what was killed is there again. */
async function expectAllRuns({ folder }: Sample, context: string): Promise<void> {
  const deadline = performance.now() + PUT_BACK_MS;
  const states = (): Promise<string[]> =>
    Promise.all(
      ["agent", "switch"].map(async (name) => {
        const pid = Number(await readFile(join(folder, "run", `${name}.pid`), "utf8").catch(() => ""));
        const state = processInfo(pid)?.state ?? "gone";
        return `${name} ${/^[TtZX]/.test(state) ? state : state === "gone" ? "gone" : "runs"}`;
      }),
    );
  const all = ["agent runs", "switch runs"];
  while ((await states()).join() !== all.join() && performance.now() < deadline) await pause(100);
  expect(await states(), context).toEqual(all);
}

/** Whatever stands at our switch after a kill ends by itself. */
async function expectSwitchEndsItself(sample: Sample, context: string): Promise<void> {
  if (sample.name !== "guarded") return;
  for (const order of await sample.orders()) {
    const leftMs = Date.parse(order.expiresAt ?? "") - Date.now();
    expect(leftMs, context).toBeLessThanOrEqual(600_000);
    expect(leftMs, context).toBeGreaterThan(0);
  }
}

/** Every line of the log is whole: what a kill cuts off is not seen at all. */
async function expectWholeLines({ folder }: Sample, context: string): Promise<void> {
  const file = join(folder, ".clawproof/drills.jsonl");
  if ((await stat(file).catch(() => null)) === null) return;
  const text = await readFile(file, "utf8");
  expect(text.endsWith("\n") || text === "", context).toBe(true);
  for (const line of text.split("\n").slice(0, -1)) expect(parseDrillLine(line), context).toHaveProperty("line");
}
