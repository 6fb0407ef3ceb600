import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { main } from "../../src/commands/main.ts";
import { canonicalJson } from "../../src/values/canonical-json.ts";
import { chain } from "../../src/values/hash-chain.ts";
import { type RunningSwitch, startSwitch } from "../switch/support.ts";
import { surroundingsOf } from "./support.ts";
import { gatewayTo, reporters, runOn } from "./switch-support.ts";

/** status, log and token on clawproof's own switch (contract, 4.1). */

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "clawproof-reading-"));
});
afterAll(() => rm(cwd, { recursive: true }));

const run = (it: RunningSwitch, ...argv: string[]) => runOn(it, it.admin, argv, { cwd });
const kill = (it: RunningSwitch, scope: string, reason = "x") => it.call("/v1/kill", { body: { scope, reason } });

/** A command that goes on until it is ended; `shows` waits for what it prints. */
function begin(it: RunningSwitch, ...argv: string[]) {
  const ending = new AbortController();
  const env = { CLAWPROOF_SWITCH_URL: it.url, CLAWPROOF_TOKEN: it.admin };
  const surroundings = surroundingsOf(argv, { cwd, env, signal: ending.signal });
  const ended = main(surroundings);
  return {
    shows: (text: string | RegExp, from: "stdout" | "stderr" = "stdout") =>
      vi.waitFor(() => expect(surroundings[from].text).toMatch(text), { timeout: 10_000, interval: 20 }),
    text: () => surroundings.stdout.text,
    end: () => {
      ending.abort();
      return ended;
    },
  };
}

describe("status", () => {
  test("of one scope: mode, orders and who obeys", async () => {
    const it = await startSwitch();
    await reporters(it, "support", ["web-1"]);
    const running = await run(it, "status", "support");
    expect(running).toMatchObject({ status: 0, stdout: `support: running, 1 of 1 instances obey (${it.url})\n` });
    await it.call("/v1/kill", { body: { scope: "support", mode: "read-only", reason: "checking" } });
    const held = await run(it, "status", "support");
    expect(held.stdout).toMatch(
      /^support: read-only, 0 of 1 instances obey .+\norder 1: read-only support, by operator, .+: checking\n$/,
    );
    expect(held.status).toBe(1);
    expect((await run(it, "status", "support/refund")).status).toBe(1);
    expect((await run(it, "status", "billing")).status).toBe(0);
  });

  test("names orders on parts of the scope, which do not hold all of it", async () => {
    const it = await startSwitch();
    for (const scope of ["support/refund", "drill/support/refund", "billing"]) await kill(it, scope);
    const { status, stdout } = await run(it, "status", "support");
    expect(stdout).toMatch(
      /^support: running .+\nNarrower, in force: order 1: stopped support\/refund, by operator, .+: x\n$/,
    );
    expect(status).toBe(0);
    const parts = async (scope: string) => {
      const { narrower } = JSON.parse((await run(it, "status", scope, "--format", "json")).stdout) as {
        narrower: { scope: string }[];
      };
      return narrower.map((order) => order.scope);
    };
    expect(await parts("support")).toEqual(["support/refund"]);
    expect(await parts("all")).toEqual(["support/refund", "billing"]);
    expect(await parts("drill/support")).toEqual(["drill/support/refund"]);
    expect(await parts("support/refund")).toEqual([]);
  });

  test("of everything: whether anything is stopped, drills apart", async () => {
    const it = await startSwitch();
    expect(await run(it, "status")).toMatchObject({ status: 0, stdout: `running, no order is in force (${it.url})\n` });
    await kill(it, "drill/support");
    expect((await run(it, "status")).status).toBe(0);
    await kill(it, "billing");
    const { status, stdout } = await run(it, "status", "--format", "json");
    expect(JSON.parse(stdout)).toMatchObject({
      scope: null,
      mode: "stopped",
      epoch: 2,
      orders: [{ scope: "drill/support" }, { scope: "billing" }],
      exitCode: 1,
    });
    expect(status).toBe(1);
  });

  test("--by is taken as everywhere, and offered where it means something", async () => {
    const it = await startSwitch();
    expect((await run(it, "status", "--by", "kim")).status).toBe(0);
    const helps = await Promise.all(["kill", "release", "status", "log"].map((name) => run(it, name, "--help")));
    expect(helps.map(({ stdout }) => stdout.includes("--by <NAME>"))).toEqual([true, true, false, false]);
  });

  test("an agent's token may ask; who may not is unknown", async () => {
    const it = await startSwitch();
    const agent = it.tokenFor("support", ["agent"], "support");
    expect(await runOn(it, agent, ["status", "support"], { cwd })).toMatchObject({
      status: 0,
      stdout: `support: running (${it.url})\n`,
    });
    expect(await runOn(it, "nonsense", ["status", "support"], { cwd })).toMatchObject({ status: 3, stdout: "" });
    expect(await runOn({ url: "http://127.0.0.1:1" }, "x", ["status"], { cwd })).toMatchObject({ status: 3 });
    expect((await run(it, "status", "a/b/c")).status).toBe(2);
  });

  test("--watch prints every change until it is interrupted", async () => {
    const it = await startSwitch();
    const watching = begin(it, "status", "support", "--watch");
    await watching.shows(/support: running/);
    await kill(it, "*");
    await watching.shows(/support: stopped/);
    await it.close();
    await watching.shows(/unknown: no switch answered/);
    expect(await watching.end()).toBe(130);
    expect(watching.text().match(/support: /g)).toHaveLength(2);
  });
});

describe("log", () => {
  test("prints all of it, page by page, oldest first", async () => {
    const it = await startSwitch();
    for (let index = 0; index < 505; index++)
      it.service.killSwitch.note({ kind: "drill", by: "kim", from: null, index });
    await kill(it, "*", "all of it");
    const { status, stdout } = await run(it, "log");
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(508);
    expect(lines[1]).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d {2}2 {2}clawproof {2}service-started, boot /,
    );
    expect(lines.at(-1)).toMatch(/ {2}508 {2}operator {2}kill everything \(\*\), stopped, order 1: all of it$/);
    expect(status).toBe(0);
    const json = await run(it, "log", "--last", "2", "--format", "json");
    expect(
      json.stdout
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { seq: number }).seq),
    ).toEqual([507, 508]);
  });

  test("--follow prints what comes, and waits for a switch that is away", async () => {
    const it = await startSwitch();
    const following = begin(it, "log", "--follow", "--last", "1");
    await following.shows(/service-started/);
    await kill(it, "*", "while it is followed");
    await following.shows(/while it is followed/);
    await it.close();
    await following.shows(/no switch answered at .+; trying again\n$/, "stderr");
    expect(await following.end()).toBe(130);
    expect(following.text().trimEnd().split("\n")).toHaveLength(2);
  });

  test.each([
    ["of another switch", () => startSwitch()],
    [
      "from a backup",
      async (backup: string, admin: string) => {
        const dataFile = join(cwd, "restored.db");
        await copyFile(backup, dataFile);
        return startSwitch({ dataFile, admin });
      },
    ],
  ])("--follow goes on from the start of a log that took the place of the old one: %s", async (_, second) => {
    const empty = await startSwitch();
    await empty.close();
    const backup = `${empty.dataFile}.backup`;
    await copyFile(empty.dataFile, backup);
    const old = await startSwitch({ dataFile: empty.dataFile, admin: empty.admin });
    for (const reason of ["one", "two", "the last of the old log"]) await kill(old, "*", reason);
    let now = old;
    const gateway = await gatewayTo((request) => {
      request.headers.authorization = `Bearer ${now.admin}`;
      return now.url;
    });
    const following = begin({ ...old, url: gateway.url }, "log", "--follow", "--last", "1");
    await following.shows(/^.+the last of the old log\n$/);
    const next = await second(backup, old.admin);
    await kill(next, "*", "the first of the new log");
    now = next;
    await following.shows(/\n.+ {2}1 {2}clawproof {2}token-added, .+\n(.+\n)*.+the first of the new log\n$/);
    await following.shows(/^THE LOG WAS REPLACED: .+ going on from the start of that log\n$/, "stderr");
    expect(await following.end()).toBe(130);
    gateway.close();
  });

  test("who may not read it exits 2, in the service's own words", async () => {
    const it = await startSwitch();
    const agent = it.tokenFor("support", ["agent"], "support");
    const { status, stderr } = await runOn(it, agent, ["log"], { cwd });
    expect([status, stderr]).toEqual([2, expect.stringContaining("needs the role read")]);
  });
});

describe("log --verify", () => {
  test("a log that is whole, with its head", async () => {
    const it = await startSwitch();
    for (const scope of ["*", "support"]) await kill(it, scope);
    const { hash, seq } = it.service.killSwitch.store.head;
    expect(await run(it, "log", "--verify")).toMatchObject({
      status: 0,
      stdout: `the log is whole: ${seq} entries, head ${hash}\n`,
    });
    const json = JSON.parse((await run(it, "log", "--verify", "--format", "json")).stdout) as object;
    expect(json).toMatchObject({ whole: true, entries: seq, epoch: 2, head: hash, exitCode: 0 });
  });

  test("names the first entry that somebody changed in the data file", async () => {
    const it = await startSwitch();
    for (const scope of ["*", "support", "billing"]) await kill(it, scope);
    rewrite(it, 4, (entry) => ({ ...entry, by: "nobody" }));
    const { status, stdout } = await run(it, "log", "--verify");
    expect(stdout).toBe(
      "the log is broken: entry 4 was changed: its content does not match its hash (3 before it are whole)\n",
    );
    expect(status).toBe(1);
  });
});

describe("log --checkpoint", () => {
  test("is written first, then compared and moved on", async () => {
    const it = await startSwitch();
    const first = await run(it, "log", "--checkpoint", "moved.json");
    expect(first).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^checkpoint of entry 2, signed by [0-9a-f]{16}, is in moved\.json\n$/),
    });
    await kill(it, "*");
    const second = await run(it, "log", "--verify", "--checkpoint", "moved.json");
    expect(second.stdout).toMatch(
      /^the log is whole: 3 entries, head .+\nthe log still holds entry 2; checkpoint of entry 3, /,
    );
    expect(second.status).toBe(0);
    expect(JSON.parse(await readFile(join(cwd, "moved.json"), "utf8"))).toMatchObject({
      checkpoint: { seq: 3, epoch: 1 },
    });
  });

  test("a log that was shortened, and grew again to look the same, is noticed; the file stays", async () => {
    const it = await startSwitch();
    await kill(it, "*");
    await run(it, "log", "--checkpoint", "short.json");
    const before = await readFile(join(cwd, "short.json"), "utf8");
    rewrite(it, 3, (entry) => chain({ ...entry, reason: "never", hash: undefined }, String(entry["previous"])));
    const { status, stdout } = await run(it, "log", "--checkpoint", "short.json");
    expect(stdout).toBe("the log was shortened or replaced: entry 3 is not the one of the checkpoint\n");
    expect([status, await readFile(join(cwd, "short.json"), "utf8")]).toEqual([1, before]);
    const verified = await run(it, "log", "--verify", "--checkpoint", "short.json");
    expect(verified.status).toBe(1);
  });

  test("another switch under the same address is noticed", async () => {
    const [one, other] = [await startSwitch(), await startSwitch()];
    await run(one, "log", "--checkpoint", "other.json");
    const { status, stdout } = await run(other, "log", "--checkpoint", "other.json", "--format", "json");
    expect(JSON.parse(stdout)).toMatchObject({
      problem: expect.stringContaining("the log was shortened or replaced: it is of the series"),
      exitCode: 1,
    });
    expect(status).toBe(1);
  });

  test("a file that was changed is not believed, one that is none is left alone", async () => {
    const it = await startSwitch();
    await run(it, "log", "--checkpoint", "changed.json");
    const signed = JSON.parse(await readFile(join(cwd, "changed.json"), "utf8")) as { checkpoint: { seq: number } };
    await writeFile(
      join(cwd, "changed.json"),
      canonicalJson({ ...signed, checkpoint: { ...signed.checkpoint, seq: 1 } }),
    );
    const { status, stdout } = await run(it, "log", "--checkpoint", "changed.json");
    expect([status, stdout]).toEqual([1, expect.stringContaining("the checkpoint's file was changed")]);
    await writeFile(join(cwd, "notes.txt"), "mine");
    expect(await run(it, "log", "--checkpoint", "notes.txt")).toMatchObject({ status: 2, stdout: "" });
    expect(await readFile(join(cwd, "notes.txt"), "utf8")).toBe("mine");
  });
});

describe("token", () => {
  test("add prints the token alone; it works until it is revoked", async () => {
    const it = await startSwitch();
    const added = await run(it, "token", "add", "kim", "--role", "kill,release", "--role", "kill", "--expires", "90d");
    expect(added.stdout).toMatch(/^\S+\n$/);
    expect(added.stderr).toMatch(/^kim: kill, release, until \d{4}-.+; keep it now: it is not shown again\n$/);
    const token = added.stdout.trim();
    expect((await runOn(it, token, ["kill", "support", "x"], { cwd })).status).toBe(1);
    const list = await run(it, "token", "list");
    expect(list.stdout).toMatch(/^kim: kill, release, until .+; made .+ by operator$/m);
    expect(list.stdout).not.toContain(token);
    const rows = JSON.parse((await run(it, "token", "list", "--format", "json")).stdout) as object[];
    expect(rows).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: "kim", roles: ["kill", "release"] })]),
    );
    expect(await run(it, "token", "revoke", "kim")).toMatchObject({ status: 0 });
    expect((await runOn(it, token, ["kill", "support", "x"], { cwd })).status).toBe(2);
    expect((await run(it, "token", "list")).stdout).toMatch(/^kim: .+; REVOKED /m);
  });

  test("an agent's is bound to it", async () => {
    const it = await startSwitch();
    const argv = ["token", "add", "support", "--role", "agent", "--agent", "support", "--format", "json"];
    expect(JSON.parse((await run(it, ...argv)).stdout)).toMatchObject({
      name: "support",
      agent: "support",
      expiresAt: null,
    });
  });

  test.each([
    [["add", "kim"], "a token needs --role"],
    [["add", "kim", "--role", "king"], '--role takes admin, kill, release, agent, read, not "king"'],
    [["add", "kim", "--role", "kill", "--expires", "soon"], "--expires takes a duration"],
    [["add"], "missing required argument 'name'"],
    [["revoke", "nobody"], "nobody"],
    [["revoke", "operator"], "admin"],
    [["remove", "kim"], "unknown command 'remove'"],
  ])("%j", async (argv, message) => {
    const it = await startSwitch();
    const { status, stdout, stderr } = await run(it, "token", ...argv);
    expect(stderr).toContain(message);
    expect([status, stdout]).toEqual([2, ""]);
  });

  test("without a command it prints its help", async () => {
    const it = await startSwitch();
    const { status, stderr } = await run(it, "token");
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^Usage: clawproof token/)]);
  });
});

type Row = Record<string, unknown>;

/** Writes to the data file behind the service's back. */
function rewrite(it: RunningSwitch, seq: number, change: (entry: Row) => Row): void {
  const { database } = it.service.killSwitch.store;
  const row = database.prepare("SELECT entry FROM log WHERE seq = ?").get(seq) as { entry: string };
  const entry = change(JSON.parse(row.entry) as Row);
  database.prepare("UPDATE log SET entry = ? WHERE seq = ?").run(JSON.stringify(entry), seq);
}
