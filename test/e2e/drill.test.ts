import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rowsOf, type Sample, told, withSample } from "./drill-sample.ts";
import { agentOf, folderWith, nobody, PATIENT, run, startWorld, switchOf, type World } from "./support.ts";

/** `clawproof drill`, run as a team runs it, and what it leaves behind. */

const DRILLS = { log: ".clawproof/drills.jsonl" };

interface LedgerRow {
  drill: number;
  status: string;
  undo_status: string;
  before: string | null;
  after: string | null;
}

describe("clawproof drill", () => {
  it.concurrent("interrupted in whatever phase, puts back and takes back everything", PATIENT, async () => {
    await withSample("guarded", async (sample) => {
      const before = sample.rows();
      const whenOpen = async (): Promise<void> => {
        while ((await sample.breaker()) !== "open");
      };
      const phases: [string, (drill: ReturnType<Sample["drill"]>) => Promise<unknown>, NodeJS.Signals][] = [
        ["with the breaker open", whenOpen, "SIGINT"],
        ["after the first write", (drill) => told(drill, "write"), "SIGTERM"],
        ["while it is pulled", () => sample.pulled(), "SIGINT"],
      ];
      for (const [phase, reached, signal] of phases) {
        const drill = sample.drill();
        await reached(drill);
        drill.kill(signal);
        const ended = await drill;
        expect([phase, ended.exitCode, ended.stderr]).toEqual([
          phase,
          130,
          expect.stringContaining("interrupted; nothing is left pulled by this drill, and it leaves no line"),
        ]);
        await expectNothingLeft(sample, before);
        expect(await sample.lines()).toEqual([]);
        await sample.expectNoSecret(ended.stdout + ended.stderr);
      }
      // While it takes back: by then it may be over before it hears of it, and has its line.
      const drill = sample.drill();
      await told(drill, "stop");
      drill.kill("SIGINT");
      const { exitCode } = await drill;
      await expectNothingLeft(sample, before);
      expect([exitCode, (await sample.lines()).length]).toEqual(exitCode === 130 ? [130, 0] : [0, 1]);
    });
  });

  it.concurrent("takes back what it was killed over, and lets its order end by itself", PATIENT, async () => {
    await withSample("guarded", async (sample) => {
      const [before, actions] = [sample.rows(), actionsIn(sample)];
      const killed = sample.drill();
      const order = await sample.pulled();
      expect(order).toMatchObject({ scope: "drill/subscription-support", mode: "read-only" });
      const seconds = (Date.parse(order.expiresAt ?? "") - Date.now()) / 1_000;
      expect(seconds).toBeGreaterThan(60);
      expect(seconds).toBeLessThanOrEqual(600);
      killed.kill("SIGKILL");
      await killed;
      expect(await sample.left()).toEqual(["acting.json", "drill.json"]);
      expect(sample.rows()).not.toEqual(before);

      const next = await sample.drill();
      expect(next).toMatchObject({ exitCode: 0 });
      expect(next.stderr).toMatch(/an earlier run was ended while the kill switch on drill\/.* putting it back first/);
      expect(next.stdout).toMatch(/undo +what an earlier drill wrote \(.*, ended in the middle\) is taken back/);
      expect(next.stdout).toContain("HELD: ");
      expect(sample.rows()).toEqual(before);
      expect(await sample.orders()).toEqual([]);
      expect(await sample.left()).toEqual([]);
      expect(await sample.lines()).toHaveLength(1);
      expectTakenBack(actionsIn(sample).slice(actions.length));
      await sample.expectNoSecret(next.stdout + next.stderr);
    });
  });

  it.concurrent("names what the undo failed over, and the next one takes it back first", PATIENT, async () => {
    await withSample("ready", async (sample) => {
      // This team keeps its records, and mails that it took back.
      const data = () => {
        const { accounts, outbox = [] } = sample.rows() as Record<string, { retracted_at: string | null }[]>;
        return { accounts, outbox: outbox.filter((mail) => mail.retracted_at === null) };
      };
      const before = data();
      const script = join(sample.folder, "scripts/rollback.mjs");
      const whole = await readFile(script, "utf8");
      const token = (await readFile(join(sample.folder, "run/switch-token"), "utf8")).trim();
      await writeFile(script, `console.error("no way in with ${token}"); process.exit(1);\n`);
      const failed = await sample.drill();
      expect(failed.exitCode).toBe(1);
      expect(failed.stdout).toContain("DID NOT HOLD: ");
      expect(failed.stdout).toContain("not taken back: exit 1: no way in with ");
      expect(failed.stdout).toContain("subscription_update was not restored");
      expect(failed.stderr).toMatch(/what the drill wrote \(trace [0-9a-f]{32}\) is not all taken back: exit 1/);
      const [line] = await sample.lines();
      expect(line?.verdict.held).toBe(false);
      await sample.expectNoSecret(failed.stdout + failed.stderr + JSON.stringify(line));
      expect(await sample.left()).toEqual(["drill.json"]);
      expect(data()).not.toEqual(before);

      await writeFile(script, whole);
      const next = await sample.drill(["--format", "json", "--by", "kim"]);
      const report = JSON.parse(next.stdout) as Record<string, unknown> & { steps: { step: string; text: string }[] };
      expect(next.exitCode).toBe(0);
      expect(report).toMatchObject({
        schema: "clawproof/drill-report@1",
        why: null,
        kept: "kept in .clawproof/drills.jsonl",
        notBack: [],
        exitCode: 0,
        line: { by: "kim", verdict: { held: true, why: null }, troubles: [] },
      });
      expect(report["line"]).toMatchObject({ digest: (await sample.lines())[1]?.digest });
      expect(report.steps.map(({ step }) => step)).toEqual([
        ...["undo", "breaker", "write", "write", "write", "stop", "reads", "undo", "release"],
      ]);
      expect(data()).toEqual(before);
      expect(await sample.left()).toEqual([]);
      await sample.expectNoSecret(next.stdout + next.stderr);
    });
  });

  it.concurrent("changes not one row, and leaves a line that the audit believes", PATIENT, async () => {
    await withSample("guarded", async (sample) => {
      const ledger = () => actionsIn(sample);
      const [rows, actions, log] = [sample.rows(), ledger(), await switchLog(sample)];
      const dry = await sample.drill(["--dry-run"]);
      expect(dry.exitCode).toBe(0);
      expect(dry.stdout).toContain("write one of each of subscription_update, email_send, db_update, and take it back");
      expect([sample.rows(), ledger(), await switchLog(sample)]).toEqual([rows, actions, log]);
      expect(await sample.left()).toEqual([]);

      const began = performance.now();
      const drill = sample.drill();
      await told(drill, "breaker");
      const second = await run(sample.folder, ["drill"]);
      expect(second).toMatchObject({ exitCode: 3 });
      expect(second.stdout).toContain("another drill of this configuration is under way; no line is kept");
      const { exitCode, stdout, stderr } = await drill;
      expect([exitCode, stderr.split("\n").length]).toEqual([0, 2]);
      expect(performance.now() - began).toBeLessThan(30_000);
      expect(stderr).toMatch(/^acting on this machine: drill\/subscription-support at 127.0.0.1:\d+ \(clawproof.yaml/);
      expect(stdout).toMatch(/^HELD: stopped in [\d.]+ s, 3\/3 action types reversed$/m);
      await sample.expectNoSecret(stdout + stderr);

      expect(sample.rows()).toEqual(rows);
      expect(ledger().slice(0, actions.length)).toEqual(actions);
      expectTakenBack(ledger().slice(actions.length));
      expect(await sample.left()).toEqual([]);

      const audit = await run(sample.folder, ["--check", "05.10", "-q", "--no-color"]);
      expect(audit.stdout).toMatch(
        /^\[PASS\] Kill switch drill today: stopped in [\d.]+s, 3\/3 action types reversed$/m,
      );
      expect(audit.exitCode).toBe(0);
    });
  });

  it.concurrent("says last how a person puts back what it could not", PATIENT, async () => {
    const world = await startWorld({ releaseFails: true });
    const { exitCode, stdout, stderr } = await run(await folderOf(world), ["drill"]);
    expect(exitCode).toBe(4);
    expect(stdout).toContain("DID NOT HOLD: writes were not accepted again after the release");
    const [said, command, end] = stderr.split("\n").slice(-3);
    expect(said).toMatch(
      /^NOT BACK: drill\/support at the kill switch: the release failed: answered 500; put it back with$/,
    );
    expect(command).toMatch(/^curl .*\/resume/);
    expect(end).toBe("");
    expect(world.stopped).toEqual(new Set(["drill/support"]));
  });

  it.concurrent("says what it measured, and why its line could not be kept", PATIENT, async () => {
    await withSample("guarded", async (sample) => {
      const drill = sample.drill();
      await told(drill, "breaker");
      await mkdir(join(sample.folder, ".clawproof/drills.jsonl"));
      const { exitCode, stdout, stderr } = await drill;
      expect([exitCode, await sample.orders()]).toEqual([2, []]);
      expect(stdout).toContain("HELD: stopped in ");
      expect(stderr).toContain(
        "clawproof: the drill's line could not be kept: .clawproof/drills.jsonl cannot be written",
      );
    });
  });

  it.concurrent("says what it cannot begin without, and sends nothing", PATIENT, async () => {
    const world = await startWorld();
    const cases: [object, readonly string[], number, string][] = [
      [{ killSwitch: switchOf(world) }, [], 2, "killSwitch.rehearse"],
      [{ drills: null }, [], 2, "drills.log is not configured"],
      [{ drills: { log: { text: "" } } }, [], 2, "a drill adds its line to a file, and drills.log is something else"],
      [{ killSwitch: null }, [], 2, "killSwitch"],
      [
        { environments: { production: { killSwitch: { rehearse: {} } } } },
        ["--env", "production"],
        2,
        "--act-on production",
      ],
      [{}, ["--attest", "drill.json"], 2, "--attest needs a key to sign with: --key FILE, or CLAWPROOF_DRILL_KEY"],
      [{}, ["--act-on", "x", "--env", "y"], 2, "--act-on"],
      [{}, ["--format", "yaml"], 2, "yaml"],
    ];
    for (const [changes, args, status, words] of cases) {
      const { exitCode, stdout, stderr } = await run(await folderOf(world, changes), ["drill", ...args]);
      expect([words, exitCode, stdout + stderr]).toEqual([words, status, expect.stringContaining(words)]);
    }
    expect(world.asked).toEqual([]);
    const unreachable = await run(await folderOf({ ...world, switch: `http://${await nobody()}` } as World), ["drill"]);
    expect(unreachable).toMatchObject({ exitCode: 3 });
    expect(unreachable.stdout).toMatch(/^COULD NOT BE MEASURED: .*connection refused; no line is kept$/m);
  });
});

async function folderOf(world: World, changes: object = {}): Promise<string> {
  const sections: Record<string, unknown> = {
    version: 1,
    agent: agentOf(world),
    killSwitch: { ...switchOf(world), rehearse: { every: "100ms" } },
    drills: DRILLS,
    ...changes,
  };
  const given = Object.fromEntries(Object.entries(sections).filter(([, value]) => value !== null));
  return folderWith({ "clawproof.yaml": given });
}

const actionsIn = ({ folder }: Sample): LedgerRow[] =>
  rowsOf(join(folder, "actions.db"))["clawproof_actions"] as LedgerRow[];

/** Every action is a drill's, and undone; or it is shown that it never changed anything. */
function expectTakenBack(actions: readonly LedgerRow[]): void {
  expect(actions.length).toBeGreaterThan(40);
  for (const { drill, status, undo_status: undo, before, after } of actions) {
    expect(drill).toBe(1);
    if (status === "done" && undo !== "undone") expect([undo, after]).toEqual(["none", before]);
  }
}

async function expectNothingLeft(sample: Sample, before: Record<string, unknown[]>): Promise<void> {
  expect(await sample.left()).toEqual([]);
  expect(await sample.orders()).toEqual([]);
  expect(await sample.breaker()).toBe("closed");
  expect(sample.rows()).toEqual(before);
}

async function switchLog({ folder, urls }: Sample): Promise<unknown> {
  const token = await readFile(join(folder, "run/operator-token"), "utf8");
  const headers = { authorization: `Bearer ${token.trim()}` };
  return (await fetch(`${urls.switch}/v1/log`, { headers })).json();
}
