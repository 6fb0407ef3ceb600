import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CommandCall } from "../../src/config/call.ts";
import { sendCommand } from "../../src/doors/command.ts";
import type { CallContext, CallFailed } from "../../src/doors/door.ts";
import { afterThis, contextOf, listen } from "./servers.ts";

const NODE = process.execPath;

function script(code: string, ...args: string[]): CommandCall {
  return { command: [NODE, "-e", code, ...args] };
}

function failureOf(call: CommandCall, context: CallContext): Promise<CallFailed> {
  return sendCommand(call, context).then(
    () => expect.fail("it ended by itself"),
    (error: CallFailed) => error,
  );
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "clawproof-command-"));
  afterThis(() => rm(path, { recursive: true }));
  return path;
}

/** Where a process can report that it lives; its socket closes when it has died, however it was ended. */
async function witness(): Promise<{ port: number; arrival: Promise<Socket> }> {
  const server = createServer();
  const arrival = once(server, "connection").then(([socket]) => {
    const arrived = socket as Socket;
    arrived.on("error", () => undefined).resume();
    return arrived;
  });
  return { port: await listen(server), arrival };
}

/** Ignores SIGTERM, tells the witness that it lives, and never ends. */
const STUBBORN = `process.on("SIGTERM", () => {}); process.on("SIGHUP", () => {}); setInterval(() => {}, 1000);
  require("net").connect(Number(process.env.WITNESS), "127.0.0.1").on("error", () => {});`;
const PARENT = `require("child_process").spawn(process.execPath, ["-e", process.env.CHILD], { stdio: "inherit" }); setInterval(() => {}, 1000);`;

describe("sendCommand", () => {
  it("runs without a shell, in the folder, with standard input and what is inherited", async () => {
    const directory = await folder();
    const call = script(
      `process.stdin.on("data", (d) => process.stdout.write(JSON.stringify([process.cwd(), process.argv.slice(1), process.env.GIVEN, String(d)])));`,
      "$(id) ; *",
      "${scope}",
    );
    const context = contextOf({}, { directory, env: { GIVEN: "yes" }, placeholders: { scope: "drill/a b" } });
    const answer = await sendCommand({ ...call, stdin: "in ${scope}" }, context);
    expect(JSON.parse(answer.stdout)).toEqual([directory, ["$(id) ; *", "drill/a b"], "yes", "in drill/a b"]);
    expect(answer).toMatchObject({ via: "command", exit: 0, stderr: "" });
    expect(answer.arrivedAt).toBeGreaterThan(answer.sentAt);
  });

  it("gives headers in the environment", async () => {
    const call = script(`console.log(process.env.CLAWPROOF_TRACEPARENT, process.env.CLAWPROOF_DRILL)`);
    const answer = await sendCommand(
      call,
      contextOf({}, { headers: { traceparent: "00-1-2-01", "clawproof-drill": "1" } }),
    );
    expect(answer.stdout).toBe("00-1-2-01 1\n");
  });

  it("brings exit status, output and both kinds of end home", async () => {
    const answer = await sendCommand(
      script(`console.log("out"); console.error("err"); process.exitCode = 3`),
      contextOf(),
    );
    expect(answer).toMatchObject({ exit: 3, stdout: "out\n", stderr: "err\n" });
    const killed = await sendCommand(script(`process.kill(process.pid, "SIGKILL")`), contextOf());
    expect(killed.exit).toBe(137);
  });

  it("is not hurt by a program that does not read its input", async () => {
    expect(await sendCommand({ command: ["true"], stdin: "x".repeat(1_000_000) }, contextOf())).toMatchObject({
      exit: 0,
    });
  });

  it("never shows a secret that comes back", async () => {
    const call = script(
      `console.log(process.argv[1]); console.error(Buffer.from(process.argv[1]).toString("hex"))`,
      "${TOKEN}",
    );
    const answer = await sendCommand(call, contextOf({ TOKEN: "open-sesame" }));
    expect(answer).toMatchObject({ stdout: "${TOKEN}\n", stderr: "${TOKEN}\n" });
  });
});

describe("sendCommand without an answer", () => {
  it.each<[string, string[], string, string]>([
    ["is not there", ["no-such-program", "x"], "not-found", "no-such-program was not found"],
    ["is not there by path", ["./no/such"], "not-found", "./no/such was not found"],
    ["may not be run", [import.meta.filename], "other", `${import.meta.filename} may not be run (permission denied)`],
    ["needs a secret that is not set", ["true", "${TOKEN}"], "missing-secret", "TOKEN is not set"],
  ])("says where a program %s", async (_, command, kind, why) => {
    const failure = await failureOf({ command }, contextOf());
    expect(failure).toMatchObject({ kind, why });
  });

  it("survives arguments that no program can be given", async () => {
    expect(await failureOf({ command: ["true", "a\0b"] }, contextOf())).toMatchObject({
      kind: "other",
      why: "no program can be given a NUL character",
    });
    expect(await failureOf({ command: ["true", "x".repeat(3_000_000)] }, contextOf())).toMatchObject({ kind: "other" });
  });

  it("ends the whole tree past the limit, a grandchild that ignores SIGTERM included", async () => {
    const { port, arrival } = await witness();
    const env = { WITNESS: String(port), CHILD: STUBBORN };
    const ended = failureOf(script(PARENT), contextOf({}, { timeoutMs: 1_500, env }));
    const grandchild = await arrival;
    const gone = once(grandchild, "close");
    const failure = await ended;
    expect(failure).toMatchObject({ kind: "timeout", why: `${NODE} did not end in 1.5 s` });
    expect(failure.failedAt - failure.sentAt).toBeLessThan(5_000);
    await gone;
  });

  it("ends the whole tree when it is aborted", async () => {
    const { port, arrival } = await witness();
    const controller = new AbortController();
    const context = contextOf({}, { signal: controller.signal, env: { WITNESS: String(port), CHILD: STUBBORN } });
    const ended = failureOf(script(PARENT), context);
    const gone = once(await arrival, "close");
    controller.abort();
    expect(await ended).toMatchObject({ kind: "aborted", why: "interrupted" });
    await gone;
    expect(await failureOf({ command: ["true"] }, context)).toMatchObject({ kind: "aborted" });
  });

  it("ends what prints without end", async () => {
    expect(await failureOf({ command: ["yes"] }, contextOf())).toMatchObject({
      kind: "too-large",
      why: "yes printed more than 1 MB",
    });
  });
});

it("does not wait for what a command leaves running, nor ends it", async () => {
  const { port, arrival } = await witness();
  const directory = await folder();
  await writeFile(join(directory, "child.js"), `${STUBBORN} require("fs").writeFileSync("pid", String(process.pid))`);
  const start = `require("child_process").spawn(process.execPath, ["child.js"], { stdio: "inherit" }).unref(); console.log("started")`;
  const began = performance.now();
  const answer = await sendCommand(script(start), contextOf({}, { directory, env: { WITNESS: String(port) } }));
  expect(answer).toMatchObject({ exit: 0, stdout: "started\n" });
  expect(performance.now() - began).toBeLessThan(4_000);
  const gone = once(await arrival, "close");
  const pid = Number(await readFile(join(directory, "pid"), "utf8").catch(() => "0"));
  expect(pid).toBeGreaterThan(0);
  process.kill(pid, "SIGKILL");
  await gone;
});
