import { execa } from "execa";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { checkLines, ENV, PATIENT } from "./support.ts";

/** The Friday, as `npm run story` plays it: it checks what it tells, and these tests that it is told. */

const ROOT = resolve(import.meta.dirname, "../..");

function beginStory() {
  const argv = [join(ROOT, "scripts", "story.mjs"), "--no-build"];
  return execa(process.execPath, argv, { cwd: ROOT, env: ENV, extendEnv: false, reject: false, stdin: "ignore" });
}

/** The folder where the story plays whose switch listens on that port: others are staged beside it. */
function folderOf(port: string): string {
  const staged = join(ROOT, ".staged");
  const holds = (name: string): boolean => {
    const file = join(staged, name, "clawproof.yaml");
    return existsSync(file) && readFileSync(file, "utf8").includes(`127.0.0.1:${port}`);
  };
  return join(staged, readdirSync(staged).find(holds) ?? "no story has this port");
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.concurrent("the Friday", () => {
  it(
    "337 of 340 customers are put back, three conflicts reported, a drill held, and the audit is READY",
    PATIENT,
    async () => {
      const { stdout, stderr, exitCode } = await beginStory();
      expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining("story:")]);
      const told = [
        "Status: NEEDS ATTENTION",
        "(5.0 %); 340 customers who had cancelled are on a plan again",
        "the breaker opens on the anomaly rate: 340 of the last 875 actions of 2.4.1 put a cancelled customer on a plan",
        "$ clawproof kill subscription-support@2.4.1 ",
        "1 of 1 instance stopped after ",
        "the clock:",
        "340 actions: 337 undo, 3 conflict",
        "Tried 337 actions: 337 undone",
        "Left: 3 actions",
        "compared row by row: 337 customers are as before 2.4.1; the three stay on their new plan, and ",
        "$ clawproof release subscription-support ",
        "$ clawproof drill",
        "HELD: stopped in ",
        "none was refused",
        "Status: READY",
        "all of this has happened: 337 customers are back, 3 wait for a person, READY",
      ];
      let from = 0;
      for (const line of told) {
        const at = stdout.indexOf(line, from);
        expect(at, `"${line}" after ${stdout.slice(0, from)}`).toBeGreaterThanOrEqual(from);
        from = at + line.length;
      }
      expect(checkLines(stdout).filter((line) => !line.startsWith("[PASS] "))).toEqual([
        "[FAIL] No kill switch drill in the last 90 days",
      ]);
      expect(stdout).not.toMatch(/cp_|whsec_/);
    },
  );

  it("interrupted, it ends everything it started, and leaves nothing", PATIENT, async () => {
    const story = beginStory();
    let said = "";
    const port = new Promise<string>((resolve) => {
      story.stdout.on("data", (text: Buffer) => {
        said += text.toString();
        const found = /^acting on this machine: drill\/subscription-support at 127\.0\.0\.1:(\d+) /m.exec(said);
        if (found) resolve(found[1] ?? "");
      });
    });
    const folder = folderOf(await port);
    const pids = ["agent", "switch", "alerts"].map((name) =>
      Number(readFileSync(join(folder, "run", `${name}.pid`), "utf8")),
    );
    expect(pids.map(isRunning)).toEqual([true, true, true]);
    story.kill("SIGINT");
    const { exitCode, stderr } = await story;
    expect([exitCode, stderr]).toEqual([130, "\nstory: interrupted; everything it started is ended"]);
    expect([pids.map(isRunning), existsSync(folder)]).toEqual([[false, false, false], false]);
  });
});
