import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** The built program, as a process: `npm test` builds it first. */
const BIN = fileURLToPath(new URL("../bin/clawproof.js", import.meta.url));

let cwd: string;
/** A switch that takes the question and never answers; `asked` resolves once it was asked. */
let silent: Server;
let asked: () => Promise<unknown>;

beforeAll(async () => {
  expect(existsSync(fileURLToPath(new URL("../dist/cli.js", import.meta.url))), "run `npm run build` first").toBe(true);
  cwd = await mkdtemp(join(tmpdir(), "clawproof-cli-"));
  silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(silent, "listening");
  asked = () => once(silent, "request");
  const { port } = silent.address() as AddressInfo;
  const status = `{ url: "http://127.0.0.1:${port}/", stopped: /stopped, timeout: 60s }`;
  const activate = `{ url: "http://127.0.0.1:${port}/stop", method: POST }`;
  await writeFile(
    join(cwd, "clawproof.yaml"),
    `version: 1\nagent: { name: support }\nkillSwitch: { status: ${status}, activate: ${activate} }\n`,
  );
});
afterAll(async () => {
  silent.closeAllConnections();
  silent.close();
  await rm(cwd, { recursive: true });
});

function start(args: string[], env: Record<string, string> = {}): ChildProcess {
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...rest } = process.env;
  return spawn(process.execPath, [BIN, ...args], { cwd, env: { ...rest, ...env }, stdio: ["ignore", "pipe", "pipe"] });
}

async function end(child: ChildProcess) {
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error("no pipes");
  const [out, err, [status, signal]] = await Promise.all([text(stdout), text(stderr), once(child, "close")]);
  return { status: (status ?? signal) as number | string, stdout: out, stderr: err };
}

describe("the built program", () => {
  test("--version prints the version alone", async () => {
    const { status, stdout, stderr } = await end(start(["--version"]));
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect([status, stderr]).toEqual([0, ""]);
  });

  test("an offline audit: the report on standard output alone, no colours on a pipe", async () => {
    const { status, stdout, stderr } = await end(start(["--check", "05", "--offline", "-q"]));
    expect(stdout).toMatch(/^CHECK 05 — Rollback & Kill Switches\n─{35}\n\[/);
    expect(stdout).not.toContain("\u001b");
    expect([status, stderr]).toEqual([1, ""]);
  });

  test.each([
    [{ FORCE_COLOR: "1" }, [], true],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, [], true],
    [{ FORCE_COLOR: "0" }, [], false],
    [{ NO_COLOR: "1" }, [], false],
    [{ FORCE_COLOR: "1" }, ["--no-color"], false],
  ])("colours with %j %j: %j", async (env, args, coloured) => {
    const { stdout } = await end(start(["--offline", "-q", ...args], env));
    expect(stdout.includes("\u001b[31m[FAIL]")).toBe(coloured);
  });

  test("bad arguments exit 2 with one line and no stack", async () => {
    const { status, stdout, stderr } = await end(start(["--chekc", "05"]));
    expect(stderr).toBe("clawproof: unknown option '--chekc' (did you mean --check?)\n");
    expect([status, stdout]).toEqual([2, ""]);
  });

  test("a reader that went away changes nothing but what it reads", async () => {
    const child = start(["--offline", "-v"]);
    child.stdout?.destroy();
    const [[status], err] = await Promise.all([once(child, "close"), child.stderr ? text(child.stderr) : ""]);
    expect([status, err]).toEqual([1, ""]);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s ends it with 130 and no report", async (signal) => {
    const child = start(["--check", "05.1"]);
    const question = asked();
    const ended = end(child);
    await question;
    child.kill(signal);
    const { status, stdout, stderr } = await ended;
    expect(stderr).toContain("interrupted");
    expect([status, stdout]).toEqual([130, ""]);
  });
});
