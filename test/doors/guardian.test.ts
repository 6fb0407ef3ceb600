import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { type GuardianCharge, startGuardian } from "../../src/doors/guardian.ts";
import { lives, processInfo, type ProcessId, signalSame, startOf } from "../../src/doors/process-info.mjs";
import { folderForTest } from "../evidence/support.ts";
import { buildChildren } from "../support/agents/build-children.ts";
import { afterThis } from "./servers.ts";

/** The guardian of a drill, with real processes that are frozen and killed. */

let folder = "";
beforeAll(async () => {
  folder = await buildChildren("freezing-child");
});

/** A process that does nothing, in an object because it is also the promise of its end. */
function startVictim(): { id: ProcessId; ended: Promise<unknown> } {
  const victim = execa("sleep", ["300"], { reject: false });
  const { pid = 0 } = victim;
  afterThis(() => void victim.kill("SIGKILL"));
  return { id: { pid, start: startOf(pid) }, ended: victim };
}

const isFrozen = ({ pid }: ProcessId): boolean => processInfo(pid)?.state === "T";
const until = (what: () => boolean) => expect.poll(what, { timeout: 20_000, interval: 20 }).toBe(true);

const charge = (more: Partial<GuardianCharge>): GuardianCharge => ({
  limitMs: 60_000,
  frozen: [],
  thaw: null,
  restart: null,
  ...more,
});

/** A drill of its own that freezes and hangs; killed the hard way, its guardian is all that is left. */
async function startDrill(given: GuardianCharge, freeze: ProcessId | null) {
  const drill = execa("node", [join(folder, "freezing-child.js"), JSON.stringify({ charge: given, freeze })], {
    reject: false,
  });
  afterThis(() => void drill.kill("SIGKILL"));
  const [line = ""] = await new Promise<string[]>((resolve) => {
    drill.stdout.once("data", (chunk: Buffer) => resolve(String(chunk).split("\n")));
  });
  return { drill, guardian: JSON.parse(line) as ProcessId };
}

describe("the guardian of a drill", () => {
  it("thaws what was frozen when the drill is killed, and ends", async () => {
    const victim = startVictim();
    const { drill, guardian } = await startDrill(charge({ frozen: [victim.id] }), victim.id);
    await until(() => isFrozen(victim.id));
    drill.kill("SIGKILL");
    await until(() => !isFrozen(victim.id) && !lives(guardian));
    expect(lives(victim.id)).toBe(true);
  });

  it("thaws once its limit has passed, though the drill lives, and the drill learns of it", async () => {
    const victim = startVictim();
    const guardian = await startGuardian(charge({ frozen: [victim.id], limitMs: 300 }));
    signalSame(victim.id, "SIGSTOP");
    await until(() => guardian.lost.aborted);
    await until(() => !isFrozen(victim.id));
    await guardian.dismiss();
    expect(lives(guardian.id)).toBe(false);
  });

  it("touches nothing when it is dismissed", async () => {
    const victim = startVictim();
    const guardian = await startGuardian(charge({ frozen: [victim.id] }));
    signalSame(victim.id, "SIGSTOP");
    await until(() => isFrozen(victim.id));
    await guardian.dismiss();
    expect(lives(guardian.id)).toBe(false);
    expect(isFrozen(victim.id)).toBe(true);
    signalSame(victim.id, "SIGCONT");
  });

  it("is known to be lost when it is killed itself", async () => {
    const guardian = await startGuardian(charge({}));
    signalSame(guardian.id, "SIGKILL");
    await until(() => guardian.lost.aborted);
    await guardian.dismiss();
  });

  it("puts back when it is asked to end", async () => {
    const victim = startVictim();
    const guardian = await startGuardian(charge({ frozen: [victim.id] }));
    signalSame(victim.id, "SIGSTOP");
    await until(() => isFrozen(victim.id));
    signalSame(guardian.id, "SIGTERM");
    await until(() => !isFrozen(victim.id) && guardian.lost.aborted);
    await guardian.dismiss();
  });

  it("never signals a process whose number was given out again", async () => {
    const victim = startVictim();
    const other: ProcessId = { ...victim.id, start: "1" };
    const { drill, guardian } = await startDrill(charge({ frozen: [other] }), null);
    signalSame(victim.id, "SIGSTOP");
    drill.kill("SIGKILL");
    await until(() => !lives(guardian));
    expect(isFrozen(victim.id)).toBe(true);
    signalSame(victim.id, "SIGCONT");
  });

  describe("starts again what was killed", () => {
    const restarting = (directory: string, killed: ProcessId, pidFile: string | null = null) =>
      charge({
        restart: {
          command: { argv: ["touch", "started"], stdin: null, directory, env: { PATH: process.env["PATH"] ?? "" } },
          killed,
          pidFile,
        },
      });
    const started = (directory: string) =>
      readFile(join(directory, "started")).then(
        () => true,
        () => false,
      );

    async function afterDrill(given: GuardianCharge, before: () => unknown = () => undefined): Promise<void> {
      const { drill, guardian } = await startDrill(given, null);
      await before();
      drill.kill("SIGKILL");
      await until(() => !lives(guardian));
    }

    it("by its command", async () => {
      const directory = await folderForTest();
      const victim = startVictim();
      await afterDrill(restarting(directory, victim.id), async () => {
        signalSame(victim.id, "SIGKILL");
        await victim.ended;
      });
      expect(await started(directory)).toBe(true);
    });

    it("not where the drill died before it killed", async () => {
      const directory = await folderForTest();
      await afterDrill(restarting(directory, startVictim().id));
      expect(await started(directory)).toBe(false);
    });

    it("not where it runs again already", async () => {
      const directory = await folderForTest();
      const [victim, successor] = [startVictim(), startVictim()];
      const pidFile = join(directory, "agent.pid");
      await afterDrill(restarting(directory, victim.id, pidFile), async () => {
        signalSame(victim.id, "SIGKILL");
        await victim.ended;
        await writeFile(pidFile, `${successor.id.pid}\n`);
      });
      expect(await started(directory)).toBe(false);
    });
  });
});
