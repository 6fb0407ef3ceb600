import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { main } from "../../src/commands/main.ts";
import { actingFile, beginActing, readActing } from "../../src/rehearsal/acting-file.ts";
import { folderWith, nobody, startWorld, SWITCH_TOKEN, switchOf, type World } from "../e2e/support.ts";
import { surroundingsOf } from "./support.ts";

/** kill, release, status and log on a switch of somebody else's make (contract, 4.1). */

async function folderOf(killSwitch: object, more: object = {}): Promise<string> {
  const config = {
    version: 1,
    bench: true,
    agent: { name: "support", credentials: ["AGENT_TOKEN"] },
    killSwitch,
    ...more,
  };
  const folder = await folderWith({ "clawproof.yaml": config });
  await mkdir(join(folder, ".git"));
  return folder;
}

async function run(cwd: string, ...argv: string[]) {
  const surroundings = surroundingsOf(argv, { cwd, env: { SWITCH_TOKEN, GITHUB_ACTOR: "octo" } });
  const status = await main(surroundings);
  return { status, stdout: surroundings.stdout.text, stderr: surroundings.stderr.text };
}

/** Its log as `clawproof log` prints it as JSON. */
async function entries(cwd: string): Promise<Record<string, string>[]> {
  const { stdout } = await run(cwd, "log", "--format", "json");
  return stdout
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, string>);
}

const worldAndFolder = async (): Promise<{ world: World; cwd: string }> => {
  const world = await startWorld();
  return { world, cwd: await folderOf(switchOf(world)) };
};

test.each([["status", "support"], ["log"], ["kill", "support", "odd refunds"], ["release", "support", "fixed"]])(
  "%s says what a rehearsal that was killed left pulled, and touches it not",
  async (...argv) => {
    const { cwd } = await worldAndFolder();
    await beginActing(cwd, {
      what: "kill-switch",
      scope: "drill/support",
      mark: "clawproof-abcdef",
      activator: "kim@laptop",
      environment: null,
      config: "",
      at: "2026-11-20T00:00:00.000Z",
      putBack: "curl X",
      logBefore: [],
    });
    const file = actingFile(cwd);
    // A process id beyond what any system gives out.
    await writeFile(file, JSON.stringify({ ...(await readActing(cwd)), pid: 2 ** 30 }));
    const before = await readFile(file, "utf8");
    const { stderr } = await run(cwd, ...argv);
    expect(stderr).toContain("an earlier run was ended while the kill switch on drill/support was pulled");
    expect(stderr).toContain("or: curl X");
    expect(await readFile(file, "utf8")).toBe(before);
  },
);

describe("kill and release", () => {
  test("act by the configured calls, once its status says so; obedience is not known", async () => {
    const { world, cwd } = await worldAndFolder();
    const killed = await run(cwd, "kill", "support", "it pays out ${twice}");
    expect(killed.stderr).toContain(`kill support at POST ${world.switch}/stop (clawproof.yaml:`);
    expect(killed.stderr).toMatch(/^the switch says stopped after \d+\.\d s; obedience not known$/m);
    expect(killed.stdout).toMatch(/^Done: {6}support may not act \(by octo, /m);
    expect(killed.stdout).toContain("Act again: clawproof release support REASON\n");
    expect([killed.status, [...world.stopped]]).toEqual([0, ["support"]]);
    const released = await run(cwd, "release", "support", "fixed", "--by", "kim");
    expect([released.status, [...world.stopped]]).toEqual([0, []]);
    expect(await entries(cwd)).toMatchObject([
      { by: "octo", scope: "support", reason: "it pays out ${twice}" },
      { by: "kim", scope: "support", reason: "fixed" },
    ]);
  });

  test("never by the twins of rehearsals, and never asking about a protected environment", async () => {
    const world = await startWorld();
    const gone = `http://${await nobody()}`;
    const twins = switchOf({ switch: gone });
    const rehearse = { scope: "drill/support", status: twins.status, activate: twins.activate, release: twins.release };
    const { log: _log, ...orders } = switchOf(world);
    const killSwitch = { ...orders, rehearse: { ...rehearse, exclusive: true } };
    const cwd = await folderOf(null as never, {
      killSwitch: undefined,
      bench: undefined,
      environments: { production: { protected: true, killSwitch } },
    });
    const { status, stderr } = await run(cwd, "kill", "all", "x", "--env", "production");
    expect(stderr).not.toContain("protected");
    expect([status, [...world.stopped]]).toEqual([0, ["*"]]);
  });

  test("1 where its status does not say so in time", async () => {
    const world = await startWorld();
    const { status: asked, ...rest } = switchOf(world);
    const never = { ...asked, url: `${world.switch}/state?scope=never-\${scope}` };
    const cwd = await folderOf({ ...rest, status: never });
    const { status, stderr, stdout } = await run(cwd, "kill", "support", "x", "--wait", "300ms", "--format", "json");
    expect(stderr).toContain("the switch took the order, but its status still says running; obedience not known\n");
    expect(JSON.parse(stdout)).toMatchObject({
      scope: "support",
      by: "octo",
      confirmed: false,
      instances: null,
      exitCode: 1,
    });
    expect([status, [...world.stopped]]).toEqual([1, ["support"]]);
  });

  test("2 where it refuses, or cannot do what is asked", async () => {
    const { world, cwd } = await worldAndFolder();
    const surroundings = surroundingsOf(["kill", "support", "x"], { cwd, env: { SWITCH_TOKEN: "wrong-one" } });
    expect(await main(surroundings)).toBe(2);
    expect(surroundings.stderr.text).toContain("clawproof: the switch answered 403\n");
    expect(surroundings.stderr.text).not.toContain("wrong-one");
    const readOnly = await run(cwd, "kill", "support", "x", "--mode", "read-only");
    expect([readOnly.status, readOnly.stderr]).toEqual([2, expect.stringContaining("knows no --mode read-only")]);
    const numbered = await run(cwd, "release", "support", "x", "--if-epoch", "3");
    expect([numbered.status, numbered.stderr]).toEqual([2, expect.stringContaining("numbers no orders")]);
    const token = await run(cwd, "token", "list");
    expect([token.status, token.stderr]).toEqual([
      2,
      expect.stringContaining("only clawproof's own switch has tokens"),
    ]);
    const missing = surroundingsOf(["kill", "support", "x"], { cwd });
    expect(await main(missing)).toBe(2);
    expect(missing.stderr.text).toContain("SWITCH_TOKEN is not set");
    expect([...world.stopped]).toEqual([]);
  });

  test("3 where nobody is there, with the credentials to revoke", async () => {
    const cwd = await folderOf(switchOf({ switch: `http://${await nobody()}` }));
    const { status, stderr } = await run(cwd, "kill", "support", "x");
    expect(stderr).toContain("the switch did not answer: connection refused");
    expect(stderr).toContain("revoke the credentials that it works with (AGENT_TOKEN)");
    expect(status).toBe(3);
  });

  test("a switch without scopes says that it stops all", async () => {
    const world = await startWorld();
    const { status, activate, release, credentials } = switchOf(world);
    const whole = { scope: "*", by: "${activator}", reason: "${reason}" };
    const cwd = await folderOf({
      credentials,
      status: { ...status, url: `${world.switch}/state?scope=*` },
      activate: { ...activate, json: whole },
      release: { ...release, json: whole },
    });
    const { status: exit, stderr, stdout } = await run(cwd, "kill", "support", "x");
    expect(stdout).toMatch(/^Done: {6}everything that this switch covers, not only support, may not act \(by octo, /);
    expect(stderr).toContain("this switch knows no scopes: it stops all that it covers\n");
    expect([exit, [...world.stopped]]).toEqual([0, ["*"]]);
  });
});

describe("status", () => {
  test("0 running, 1 stopped, 3 unknown", async () => {
    const { world, cwd } = await worldAndFolder();
    expect(await run(cwd, "status")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^support: running \(/),
    });
    world.stopped.add("support");
    expect(await run(cwd, "status")).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^support: stopped \(/),
    });
    expect(await run(cwd, "status", "other")).toMatchObject({ status: 0 });
    const gone = await folderOf(switchOf({ switch: `http://${await nobody()}` }));
    expect(await run(gone, "status")).toMatchObject({ status: 3, stdout: "" });
  });
});

describe("log", () => {
  test("prints entries; it has no chain to verify", async () => {
    const { cwd } = await worldAndFolder();
    await run(cwd, "kill", "support", "one");
    await run(cwd, "release", "support", "two");
    const { status, stdout } = await run(cwd, "log");
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d {2}octo {2}support: one\n.+support: two\n$/);
    expect(status).toBe(0);
    expect((await run(cwd, "log", "--last", "1")).stdout).toMatch(/^[^\n]+two\n$/);
    for (const argv of [["--verify"], ["--checkpoint", "head.json"]]) {
      const proved = await run(cwd, "log", ...argv);
      expect([proved.status, proved.stderr]).toEqual([2, expect.stringContaining("this switch's log has no chain")]);
    }
  });
});
