import { createInterface } from "node:readline";
import { join } from "node:path";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { Webhook } from "standardwebhooks";
import { describe, expect, it, onTestFinished } from "vitest";
import { receiver } from "../alerts/support.ts";
import { follow, send } from "../switch/wire.ts";
import { begin, expectClean, expectWithout, type Files, folderWith, nobody, run, runInShell } from "./support.ts";

/** `clawproof serve`: the built program, from its first start to its end. */

const HOOK_SECRET = "whsec_bm90IGZvciBhbnlib2R5IHRvIHNlZSBvciB0byBndWVzcw==";
const KILL = { scope: "support", reason: "it refunds everyone" };

interface Ended {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
}

interface Serving {
  url: string;
  /** Lines of standard output up to and with `listening on …`. */
  said: string[];
  token: string;
  end(signal?: NodeJS.Signals): Promise<Ended>;
}

/** Starts the service in that folder; it ends with the test. */
async function serving(cwd: string, args: string[] = [], env: Record<string, string> = {}): Promise<Serving> {
  const child = begin(cwd, ["serve", "--listen", "127.0.0.1:0", ...args], env);
  const end = async (signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> => {
    child.kill(signal);
    const { exitCode, stdout, stderr } = await child;
    expectClean({ stdout, stderr });
    return { exitCode, stdout, stderr };
  };
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await child;
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (line.startsWith("listening on ")) break;
  }
  const valueOf = (start: string) => said.find((line) => line.startsWith(start))?.slice(start.length) ?? "";
  return { url: valueOf("listening on "), said, token: valueOf("operator token: "), end };
}

function call(url: string, token: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) };
  const sending = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
  return send(`${url}${path}`, sending);
}

async function epochOf({ url }: Serving, token: string): Promise<unknown> {
  return (JSON.parse((await call(url, token, "/v1/state")).text) as { epoch: number }).epoch;
}

/** The lines on standard error: JSON with a time and an event each. */
function linesOf({ stderr }: Ended): { at: string; event: string }[] {
  const lines = stderr.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as { at: string; event: string });
}

describe("clawproof serve", () => {
  it("says where it listens and, on its first start alone, the operator's token; orders outlive it", async () => {
    const folder = await folderWith({});
    const first = await serving(folder);
    expect(first.said).toEqual([
      expect.stringMatching(/^operator token: cp_[\w-]{12}_[\w-]{43}$/) as string,
      expect.stringMatching(/^listening on http:\/\/127\.0\.0\.1:\d+$/) as string,
    ]);
    const { token } = first;
    expect((await call(first.url, token, "/v1/kill", KILL)).status).toBe(200);
    expect((await stat(join(folder, "clawproof-switch.db"))).mode & 0o777).toBe(0o600);
    const ended = await first.end();
    expect(ended.exitCode).toBe(0);
    const second = await serving(folder);
    expect(second.said).toEqual([expect.stringMatching(/^listening on /) as string]);
    const { text } = await call(second.url, token, "/v1/state?scope=support");
    expect(JSON.parse(text)).toMatchObject({ epoch: 1, mode: "stopped", orders: [KILL] });
  });

  it.for(["SIGTERM", "SIGINT", "SIGHUP"] as const)("ends cleanly at %s: streams end, exit 0", async (signal) => {
    const folder = await folderWith({});
    const service = await serving(folder);
    const stream = await follow(service.url, service.token);
    await stream.next("state");
    const ended = await service.end(signal);
    await stream.ended;
    expect(ended.exitCode).toBe(0);
    expect(ended.stderr).not.toContain("putting back");
    expect(linesOf(ended).at(-1)).toMatchObject({ event: "ending" });
    const again = await serving(folder);
    const log = JSON.parse((await call(again.url, service.token, "/v1/log?last=2")).text) as { entries: object[] };
    expect(log.entries).toMatchObject([{ kind: "service-stopped" }, { kind: "service-started" }]);
  });

  it("is killed at any moment without losing an order that was answered", async () => {
    const folder = await folderWith({});
    const first = await serving(folder);
    expect((await call(first.url, first.token, "/v1/kill", KILL)).status).toBe(200);
    await first.end("SIGKILL");
    expect(await epochOf(await serving(folder), first.token)).toBe(1);
  });

  it("refuses a data file that another one runs on, also under another name of it", async () => {
    const folder = await folderWith({});
    const service = await serving(folder);
    for (const data of ["clawproof-switch.db", join(folder, "clawproof-switch.db")]) {
      const second = await run(folder, ["serve", "--listen", "127.0.0.1:0", "--data", data]);
      expect(second.exitCode).toBe(2);
      expect(second.stdout).toBe("");
      expect(second.stderr).toContain("another clawproof serve already runs on");
    }
    expect(await epochOf(service, service.token)).toBe(0);
  });

  it("backs up while it runs, never over a file; the copy starts with the same orders and tokens, and everything stopped", async () => {
    const folder = await folderWith({});
    const service = await serving(folder);
    await call(service.url, service.token, "/v1/kill", KILL);
    const backUp = () => run(folder, ["serve", "--backup", "copy.db"]);
    const first = await backUp();
    expect([first.exitCode, first.stdout]).toEqual([0, ""]);
    expect(first.stderr).toMatch(/^backed up \d+ entries of the log to .*copy\.db\n$/);
    const bytes = await readFile(join(folder, "copy.db"));
    const second = await backUp();
    expect([second.exitCode, second.stderr]).toEqual([2, expect.stringContaining("exists already")]);
    expect(await readFile(join(folder, "copy.db"))).toEqual(bytes);
    expect((await call(service.url, service.token, "/v1/release", KILL)).status).toBe(200);
    const restored = await serving(folder, ["--data", "copy.db"]);
    expect(restored.token).toBe("");
    // Its own order 1, and a stop of everything: what was ordered since the backup nobody can know.
    expect(await epochOf(restored, service.token)).toBe(2);
  });

  it("tells every route, its webhook signed as the library of Standard Webhooks verifies", async () => {
    const hooks = await receiver();
    const alerts = [{ webhook: { url: `${hooks.url}/hook`, secret: HOOK_SECRET } }, { slack: `${hooks.url}/slack` }];
    const folder = await folderWith({ "switch.yaml": { switch: { alerts } } });
    const service = await serving(folder, ["-c", "switch.yaml"]);
    await call(service.url, service.token, "/v1/kill", KILL);
    const tested = await call(service.url, service.token, "/v1/alerts/test", {});
    expect(JSON.parse(tested.text)).toMatchObject({ outcomes: [{ outcome: "delivered" }, { outcome: "delivered" }] });
    await hooks.after(4);
    expect(hooks.received.map(({ path }) => path).sort()).toEqual(["/hook", "/hook", "/slack", "/slack"]);
    for (const { headers, body } of hooks.received.filter(({ path }) => path === "/hook"))
      expect(new Webhook(HOOK_SECRET).verify(body, headers as Record<string, string>)).toMatchObject({
        data: { switchName: "kill switch" },
      });
    expect(linesOf(await service.end()).filter(({ event }) => event === "alerts")).toEqual([]);
  });

  it("logs lines of JSON without a secret: neither its tokens nor those of its alerts", async () => {
    const hooks = await nobody();
    const section = { name: "production", alerts: [{ webhook: { url: "${HOOK_URL}", secret: "${HOOK_SECRET}" } }] };
    const folder = await folderWith({ "switch.yaml": { switch: section } });
    const hookUrl = `http://${hooks}/hooks/5ecret-path`;
    const service = await serving(folder, ["-c", "switch.yaml"], { HOOK_URL: hookUrl, HOOK_SECRET });
    await call(service.url, service.token, "/v1/kill", KILL);
    await call(service.url, "cp_wrong", "/v1/kill", KILL);
    await call(service.url, service.token, "/v1/kill", { ...KILL, reason: "" });
    const log = await call(service.url, service.token, "/v1/log");
    const ended = await service.end();
    const lines = linesOf(ended);
    for (const { at } of lines) expect(at).toMatch(/^\d{4}-.+Z$/);
    expect(lines).toContainEqual(
      expect.objectContaining({ event: "order", epoch: 1, orders: ["support stopped by operator"] }),
    );
    for (const secret of [service.token, hookUrl, "5ecret-path", HOOK_SECRET])
      expectWithout(ended.stderr + log.text, secret);
  });
});

describe("clawproof serve does not start", () => {
  const refused: [string, Files, string[], RegExp][] = [
    [
      "with a mistake in its configuration, whose place it names",
      { "switch.yaml": "switch:\n  name: production\n  leese: 15s\n" },
      ["-c", "switch.yaml"],
      /switch\.yaml:3:3.+leese/s,
    ],
    [
      "with a value that makes no sense",
      { "switch.yaml": "switch:\n  listen: everywhere\n" },
      ["-c", "switch.yaml"],
      /switch\.yaml:2:11/,
    ],
    ["without its configuration", {}, ["-c", "switch.yaml"], /switch\.yaml/],
    ["on a public address without TLS", {}, ["--listen", "0.0.0.0:0"], /switch\.tls.+switch\.behindProxy/],
    ["on what is no address", {}, ["--listen", "4600"], /--listen 4600: expected HOST:PORT/],
    [
      "on a file of another program",
      { "data.db": "not a database at all, but long enough" },
      ["--data", "data.db"],
      /data\.db/,
    ],
    ["on an empty file", { "data.db": "" }, ["--data", "data.db"], /data\.db is empty.+Restore a backup/s],
    ["with options that it does not know", {}, ["--port", "1"], /unknown option.+--port/],
    ["to back up what is not there", {}, ["--data", "gone.db", "--backup", "copy.db"], /gone\.db does not exist/],
  ];
  it.for(refused)("%s", async ([, files, args, words]) => {
    const folder = await folderWith(files);
    const { exitCode, stdout, stderr } = await run(folder, ["serve", ...args]);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(words);
  });

  it("on a port that is in use", async () => {
    const service = await serving(await folderWith({}));
    const folder = await folderWith({});
    const { exitCode, stderr } = await run(folder, ["serve", "--listen", new URL(service.url).host]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("is in use by another program: choose another with --listen");
  });

  it("where the disk takes nothing, and leaves no trace of a start that never was", async () => {
    const folder = await folderWith({});
    const onFull = () => runInShell(folder, "ulimit -f 0; $CLAWPROOF serve --listen 127.0.0.1:0");
    const first = await onFull();
    expectClean(first);
    expect(first).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("its disk is full, or fails") as string,
    });
    expect(await readdir(folder)).toEqual([]);
    const service = await serving(folder);
    expect((await call(service.url, service.token, "/v1/kill", KILL)).status).toBe(200);
    await service.end("SIGKILL");
    await rm(join(folder, "clawproof-switch.db-shm"));
    const again = await onFull();
    expectClean(again);
    expect(again).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("delete nothing of it") as string });
    expect(await epochOf(await serving(folder), service.token)).toBe(1);
  });

  it("where its data file was there and is gone: it never starts empty", async () => {
    const folder = await folderWith({});
    const service = await serving(folder);
    await service.end();
    const path = join(folder, "clawproof-switch.db");
    await writeFile(path, "");
    const { exitCode, stderr } = await run(folder, ["serve", "--listen", "127.0.0.1:0"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("Restore a backup");
  });
});
