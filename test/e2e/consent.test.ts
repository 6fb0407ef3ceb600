import { execa } from "execa";
import { once } from "node:events";
import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  agentOf,
  begin,
  BREAKER_FILES,
  breakerOf,
  checkLines,
  ENV,
  expectClean,
  folderWith,
  run,
  startWorld,
  SWITCH_TOKEN,
  switchOf,
  type World,
  PATIENT,
} from "./support.ts";

/** What is touched, and when: consent, environments, the gentle modes, and putting back however a run ends. */

const CONSENT = { scope: "drill/support" };

/** A switch that answers and an agent that obeys, with consent at the top level. */
function configOf(world: World): object {
  return {
    version: 1,
    bench: true,
    agent: agentOf(world),
    killSwitch: { ...switchOf(world), releaseAsAgent: AS_AGENT, rehearse: CONSENT },
    breaker: breakerOf(world),
  };
}

const AS_AGENT = { headers: { authorization: "Bearer ${AGENT_TOKEN}" } };

/** The same without a word of consent, but with what `environments` says. */
function configFor(world: World, environments: object): object {
  return { version: 1, agent: agentOf(world), killSwitch: switchOf(world), environments };
}

const folderFor = (config: object): Promise<string> => folderWith({ ...BREAKER_FILES, "clawproof.yaml": config });
const actingIn = (folder: string): Promise<boolean> =>
  access(join(folder, ".clawproof/acting.json")).then(
    () => true,
    () => false,
  );

describe.concurrent("the gentle modes", PATIENT, () => {
  it("--dry-run sends nothing, and lists with places what it would do", async () => {
    const world = await startWorld();
    const folder = await folderFor(configOf(world));
    const { exitCode, stdout, stderr } = await run(folder, ["--dry-run"], { SWITCH_TOKEN: "", AGENT_TOKEN: "" });
    expect(world.asked).toEqual([]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    const [reads, acts, nots, missing] = stdout.split("\n\n");
    expect(reads).toMatch(/^would read:\n(.*\n)* {2}clawproof\.yaml:\d+ +breaker settings: file breaker\.yaml/);
    expect(reads).toMatch(/clawproof\.yaml:\d+ +kill switch: GET http:\/\/127/);
    expect(acts).toMatch(
      /^would act on:\n {2}clawproof\.yaml:\d+ +pull the kill switch on drill\/support, once: POST /,
    );
    expect(acts).toContain(`put back: POST ${world.switch}/resume`);
    expect(acts).toContain("may page: ");
    expect(acts).toMatch(/clawproof\.yaml:\d+ +open the breaker of all traffic/);
    expect(nots).toMatch(
      /^would not:\n(.*\n)* {2}clawproof\.yaml:\d+ +look at canary: the configuration does not name it/,
    );
    expect(missing).toMatch(
      /^missing secrets:\n {2}clawproof\.yaml:\d+ +SWITCH_TOKEN\n {2}clawproof\.yaml:\d+ +AGENT_TOKEN\n$/,
    );
    expect(await actingIn(folder)).toBe(false);
  });

  it("--dry-run says what a killed run left pulled, and touches nothing", async () => {
    const world = await startWorld();
    const folder = await folderFor(configOf(world));
    // No process has a number beyond the kernel's limit.
    const acting = {
      what: "kill-switch",
      scope: "drill/support",
      mark: "clawproof-0a1b2c",
      activator: "kim",
      pid: 4_194_305,
    };
    const rest = { environment: null, config: "", putBack: "", at: "2026-11-22T06:00:00.000Z", startedAt: "1" };
    await mkdir(join(folder, ".clawproof"), { recursive: true });
    const file = join(folder, ".clawproof", "acting.json");
    await writeFile(file, JSON.stringify({ schema: "clawproof/acting@1", ...acting, ...rest }));
    const { stderr, exitCode } = await run(folder, ["--dry-run"]);
    expect(stderr).toContain("an earlier run was ended while the kill switch on drill/support was pulled");
    expect(exitCode).toBe(0);
    expect(world.posts()).toEqual([]);
  });

  it("--dry-run of one check lists what that check needs, and names no secret that is set", async () => {
    const world = await startWorld();
    const { stdout } = await run(await folderFor(configOf(world)), ["--dry-run", "--check", "05.3"]);
    expect(world.asked).toEqual([]);
    expect(stdout).toContain("would act on: nothing");
    expect(stdout).toContain("missing secrets: nothing");
    expect(stdout).not.toContain("kill switch");
  });

  it("--offline opens no connection, and skips what cannot be judged then", async () => {
    const world = await startWorld();
    const { stdout, stderr } = await run(await folderFor(configOf(world)), ["--offline", "-q"]);
    expect(world.asked).toEqual([]);
    expect(stderr).toBe("");
    const lines = checkLines(stdout);
    for (const index of [0, 1, 3, 8]) expect(lines[index]).toMatch(/^\[SKIP\] .*--offline/);
    expect(lines[2]).toMatch(/^\[PASS\]/);
    expect(stdout).toContain(", 4 skipped");
  });

  it("--read-only asks and acts on nothing", async () => {
    const world = await startWorld();
    const folder = await folderFor(configOf(world));
    const { stdout, stderr } = await run(folder, ["--read-only", "-q"]);
    expect(world.asked.some(({ path }) => path === "/state")).toBe(true);
    expect(world.posts()).toEqual([]);
    expect(stderr).toBe("");
    expect(checkLines(stdout)[1]).toMatch(/^\[WARN\] Kill switch response time not measured — --read-only/);
    expect(await actingIn(folder)).toBe(false);
  });
});

describe.concurrent("consent", PATIENT, () => {
  it("at the top level acts on this machine, says so first, and puts back", async () => {
    const world = await startWorld();
    const folder = await folderFor(configOf(world));
    const { exitCode, stdout, stderr } = await run(folder, ["--check", "05.1,05.2,05.3,05.4", "-q"]);
    expect(stderr).toMatch(
      /^acting on this machine: drill\/support at 127\.0\.0\.1:\d+ \(clawproof\.yaml:\d+\), the breaker /,
    );
    expect(checkLines(stdout).map((line) => line.slice(0, 6))).toEqual(["[PASS]", "[PASS]", "[PASS]", "[PASS]"]);
    expect(exitCode).toBe(0);
    expect([world.stopped.size, world.breakerOpen, await actingIn(folder)]).toEqual([0, false, false]);
  });

  it("that nobody gave pulls nothing", async () => {
    const world = await startWorld();
    const { stdout } = await run(await folderFor(configFor(world, {})), ["--check", "05.2", "-q"]);
    expect(world.posts()).toEqual([]);
    expect(stdout).toContain("Kill switch response time not measured — killSwitch.rehearse is not configured");
  });

  it("at the top level does not hold with --env", async () => {
    const world = await startWorld();
    const config = { ...configFor(world, { staging: {} }), killSwitch: { ...switchOf(world), rehearse: CONSENT } };
    const folder = await folderFor(config);
    const { stdout, stderr } = await run(folder, ["--env", "staging", "--check", "05.2", "-q"]);
    expect(world.posts()).toEqual([]);
    expect(stderr).toBe("");
    expect(stdout).toContain("killSwitch.rehearse does not stand under environments.staging");
  });

  it("of one environment is not inherited by another", async () => {
    const world = await startWorld();
    const environments = { staging: { killSwitch: { rehearse: CONSENT } }, testing: {} };
    const folder = await folderFor(configFor(world, environments));
    const other = await run(folder, ["--env", "testing", "--check", "05.2", "-q"]);
    expect(world.posts()).toEqual([]);
    expect(other.stdout).toContain("does not stand under environments.testing");
    const none = await run(folder, ["--check", "05.2", "-q"]);
    expect(world.posts()).toEqual([]);
    expect(none.stdout).toContain("killSwitch.rehearse is not configured");
    const own = await run(folder, ["--env", "staging", "--check", "05.2", "--format", "json"]);
    expect(own.stderr).toMatch(/^acting on staging: drill\/support at /);
    expect(JSON.parse(own.stdout)).toMatchObject({ environment: "staging", exitCode: 0 });
    expect(world.posts()).toContain("switch /stop");
    expect(world.stopped.size).toBe(0);
  });

  it.each(["production", "prod-eu", "live", "vault"])("in %s, which is protected, needs --act-on", async (name) => {
    const world = await startWorld();
    const block = { killSwitch: { rehearse: CONSENT }, ...(name === "vault" ? { protected: true } : {}) };
    const folder = await folderFor(configFor(world, { [name]: block, staging: {} }));
    const args = ["--env", name, "--check", "05.2", "-q"];
    const without = await run(folder, args);
    expect(world.posts()).toEqual([]);
    expect(without.stderr).toBe("");
    expect(without.stdout).toContain(`${name} is protected: add --act-on ${name}`);
    const planned = await run(folder, [...args, "--dry-run"]);
    expect(planned.stdout).toContain(`: ${name} is protected: add --act-on ${name}`);
    expect(planned.stdout).toContain("would act on: nothing");
    expect(await run(folder, [...args, "--act-on", "staging"])).toMatchObject({ exitCode: 2, stdout: "" });
    expect(world.posts()).toEqual([]);
    if (name !== "vault") return;
    const allowed = await run(folder, [...args, "--act-on", name]);
    expect(allowed.stderr).toMatch(/^acting on vault: /);
    expect(allowed.exitCode).toBe(0);
    expect(world.posts()).toContain("switch /stop");
  });

  it("in production that says protected: false needs nothing more", async () => {
    const world = await startWorld();
    const environments = { production: { protected: false, killSwitch: { rehearse: CONSENT } } };
    const folder = await folderFor(configFor(world, environments));
    const { exitCode } = await run(folder, ["--env", "production", "--check", "05.2"]);
    expect(world.posts()).toContain("switch /stop");
    expect(exitCode).toBe(0);
  });
});

describe.concurrent("however it ends", PATIENT, () => {
  it.each(["SIGINT", "SIGTERM"] as const)("%s in a rehearsal: 130, and the switch is released", async (signal) => {
    const world = await startWorld();
    const folder = await folderFor(configOf(world));
    const pulled = once(world, "pulled");
    const running = begin(folder, ["--check", "05.2"]);
    await before(running, pulled);
    expect(await actingIn(folder)).toBe(true);
    running.kill(signal);
    const ended = await running;
    expectClean(ended);
    expect([ended.exitCode, ended.stdout]).toEqual([130, ""]);
    expect(ended.stderr).toMatch(/\ninterrupted; nothing is left pulled by this run\n$/);
    expect(world.posts()).toContain("switch /resume");
    expect([world.stopped.size, await actingIn(folder)]).toEqual([0, false]);
  });

  it("a second signal hurries nothing", async () => {
    const world = await startWorld();
    const folder = await folderFor(configOf(world));
    const pulled = once(world, "pulled");
    const released = once(world, "released");
    const running = begin(folder, ["--check", "05.2"]);
    await before(running, pulled);
    running.kill("SIGINT");
    await released;
    running.kill("SIGTERM");
    expect(await running).toMatchObject({ exitCode: 130, stdout: "" });
    expect([world.stopped.size, await actingIn(folder)]).toEqual([0, false]);
  });

  it("SIGINT while the breaker is open: 130, and it is closed", async () => {
    const world = await startWorld();
    const folder = await folderFor(configOf(world));
    const opened = once(world, "opened");
    const running = begin(folder, ["--check", "05.4"]);
    await before(running, opened);
    running.kill("SIGINT");
    expect(await running).toMatchObject({ exitCode: 130, stdout: "" });
    expect([world.breakerOpen, await actingIn(folder)]).toEqual([false, false]);
  });

  it("a release that fails: 4, and the last line is the command that does it, without its secret", async () => {
    const world = await startWorld({ releaseFails: true });
    const folder = await folderFor(configOf(world));
    const { exitCode, stdout, stderr } = await run(folder, [
      "--check",
      "05.2,05.4",
      "--format",
      "json",
      "--fail-on",
      "never",
    ]);
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 4 });
    expect(stderr).toMatch(/\nNOT BACK: drill\/support at the kill switch: the release failed: .*500/);
    expect([world.stopped.size, await actingIn(folder)]).toEqual([1, true]);
    expect(world.posts()).not.toContain("agent /breaker");
    await expectCommandReleases(world, stderr);
  });

  it("a breaker that cannot be closed: 4, and the command that closes it", async () => {
    const world = await startWorld({ closeFails: true });
    const folder = await folderFor(configOf(world));
    const { exitCode, stderr } = await run(folder, ["--check", "05.4"]);
    expect(exitCode).toBe(4);
    expect([world.breakerOpen, await actingIn(folder)]).toEqual([true, true]);
    const command = stderr.trimEnd().split("\n").at(-1) ?? "";
    expect(command).toMatch(/^curl .*"state":"closed".*\/breaker$/);
    world.closeFails = false;
    await execa("sh", ["-c", command], { env: ENV, extendEnv: false });
    expect(world.breakerOpen).toBe(false);
  });

  it("a release that fails after SIGTERM: 4 all the same", async () => {
    const world = await startWorld({ releaseFails: true });
    const folder = await folderFor(configOf(world));
    const pulled = once(world, "pulled");
    const running = begin(folder, ["--check", "05.2"]);
    await before(running, pulled);
    running.kill("SIGTERM");
    const ended = await running;
    expectClean(ended);
    expect([ended.exitCode, ended.stdout]).toEqual([4, ""]);
    await expectCommandReleases(world, ended.stderr);
  });

  it("SIGKILL: the next run says so, and the next that may act puts back first", async () => {
    const world = await startWorld();
    const folder = await folderFor(configOf(world));
    const pulled = once(world, "pulled");
    const running = begin(folder, ["--check", "05.2"]);
    await before(running, pulled);
    running.kill("SIGKILL");
    await running;
    const gentle = await run(folder, ["--read-only", "--check", "05.2"]);
    expect(gentle.stderr).toContain("an earlier run was ended while");
    expect([world.stopped.size, await actingIn(folder)]).toEqual([1, true]);
    const next = await run(folder, ["--check", "05.2"]);
    expect(next.stderr).toContain("putting it back first");
    expect(next.exitCode).toBe(0);
    expect([world.stopped.size, await actingIn(folder)]).toEqual([0, false]);
  });
});

/** Types the last line into a shell that has the token, once the switch is well again. */
async function expectCommandReleases(world: World, stderr: string): Promise<void> {
  const command = stderr.trimEnd().split("\n").at(-1) ?? "";
  expect(command).toMatch(/^curl .*\/resume/);
  expect(command).toContain('"scope":"drill/support"');
  expect(command).toMatch(/\$\{?SWITCH_TOKEN\b/);
  world.releaseFails = false;
  await execa("sh", ["-c", command], { env: { ...ENV, SWITCH_TOKEN }, extendEnv: false });
  expect(world.stopped.size).toBe(0);
}

/** Waits for what must happen while the program runs; where it ends first, says with what. */
async function before(running: ReturnType<typeof begin>, event: Promise<unknown>): Promise<void> {
  const ended = running.then(({ stdout, stderr }) => ({ stdout, stderr }));
  expect(await Promise.race([event.then(() => "happened"), ended])).toBe("happened");
}
