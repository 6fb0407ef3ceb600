import { execa } from "execa";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { moved } from "../../fixtures/stage.mjs";

/** An agent in another language, whose clawproof.yaml was written from the README alone, judged by the built program. */

const BIN = resolve(import.meta.dirname, "../../bin/clawproof.js");
const FIXTURE = resolve(import.meta.dirname, "../../fixtures/python-agent");
/** What starting the agent in the checkout leaves behind. */
const LEFT_BEHIND = /\/(run|data|\.clawproof|__pycache__)$/;
const NEEDED = "need python3 3.9 or newer";
const OLD_ENOUGH = "import sys; sys.exit(sys.version_info < (3, 9))";

const { failed: isMissing } = await execa("python3", ["-c", OLD_ENOUGH], { reject: false });
let skipped = 0;

beforeEach(({ skip }) => {
  if (!isMissing) return;
  if (process.env["CI"] === "true") throw new Error(NEEDED);
  skipped++;
  skip(NEEDED);
});

afterAll(() => {
  if (skipped > 0) process.stderr.write(`${String(skipped)} skipped: ${NEEDED}\n`);
});

type Urls = Record<"agent" | "switch" | "alerts", string>;

interface Sample {
  folder: string;
  urls: Urls;
  stop(): Promise<number | undefined>;
}

/** Copies the agent, starts it on free ports, and writes them into the copied clawproof.yaml. */
async function startCopy(): Promise<Sample> {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-python-"));
  await cp(FIXTURE, folder, { recursive: true, filter: (path) => !LEFT_BEHIND.test(path.slice(FIXTURE.length)) });
  const ports = ["--agent-port", "0", "--switch-port", "0", "--alerts-port", "0"];
  const child = execa("python3", ["start.py", ...ports], { cwd: folder, reject: false, forceKillAfterDelay: 10_000 });
  const urls = await new Promise<Urls>((found, failed) => {
    createInterface({ input: child.stdout }).once("line", (line) => {
      found(JSON.parse(line) as Urls);
    });
    void child.then(({ stderr }) => {
      failed(new Error(`the agent did not start: ${stderr}`));
    });
  });
  const file = join(folder, "clawproof.yaml");
  const byPort = { 4510: urls.agent, 4520: urls.switch, 4530: urls.alerts };
  await writeFile(file, moved(await readFile(file, "utf8"), byPort));
  return {
    folder,
    urls,
    async stop() {
      child.kill("SIGTERM");
      const { exitCode } = await child;
      await rm(folder, { recursive: true, force: true });
      return exitCode;
    },
  };
}

/** Asserts that nobody listens where the sample did. */
async function expectGone(urls: Urls): Promise<void> {
  for (const url of Object.values(urls)) await expect(fetch(url)).rejects.toThrow();
}

describe("an agent in Python", () => {
  it(
    "passes nine checks, with a switch that is a program and refusals that are 200",
    { timeout: 120_000 },
    async () => {
      const sample = await startCopy();
      let status: number | undefined;
      try {
        const args = [BIN, "--check", "05", "-q", "--no-color"];
        const cwd = sample.folder;
        const { stdout, stderr, exitCode } = await execa(process.execPath, args, { cwd, reject: false });
        const tokens = await Promise.all(
          ["switch-token", "agent-token"].map((name) => readFile(join(cwd, "run", name), "utf8")),
        );

        const expected = await readFile(join(FIXTURE, "expected.txt"), "utf8");
        expect(`${stdout}\n`.replace(/~[\d.]+ seconds?/, "~* seconds")).toBe(expected);
        expect(exitCode).toBe(1);
        expect(stderr).not.toMatch(/^\s+at /m);
        for (const token of tokens) expect(stdout + stderr).not.toContain(token.trim());
      } finally {
        status = await sample.stop();
      }
      expect(status).toBe(0);
      await expectGone(sample.urls);
    },
  );
});
