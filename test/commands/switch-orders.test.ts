import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSwitch } from "../switch/support.ts";
import { Kept } from "./support.ts";
import { KILLER } from "../switch/core.ts";
import { gatewayTo, inForce, obedient, reporters, runOn, worldOf } from "./switch-support.ts";

/** kill and release on clawproof's own switch (contract, 4.1). */

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "clawproof-orders-"));
  await mkdir(join(cwd, ".git"));
  for (const name of ["a.txt", "b.txt"]) await writeFile(join(cwd, name), "");
  await mkdir(join(cwd, "support"));
  await mkdir(join(cwd, "configured"));
  await writeFile(join(cwd, "configured", "clawproof.yaml"), "version: 1\nagent: { name: support }\n");
});
afterAll(() => rm(cwd, { recursive: true }));

describe("kill", () => {
  test("stops, shows who obeys, and says what to do next", async () => {
    const it = await worldOf();
    const { status, stdout, stderr } = await runOn(it, it.admin, ["kill", "support", "it", "pays out", "${twice}"]);
    expect(stderr).toContain(`kill support at ${it.url} (CLAWPROOF_SWITCH_URL)\n`);
    expect(stderr).toMatch(/^2 of 2 instances stopped after \d+\.\d s$/m);
    expect(stdout).toMatch(/^Done: {6}support may not act \(order 1 by operator, .+ [+-]\d\d:\d\d\)$/m);
    expect(stdout).toContain("Undo:      clawproof rollback support --since 1h --dry-run\n");
    expect(stdout).toContain("Act again: clawproof release support REASON\n");
    expect(stdout.trimEnd().split("\n")).toHaveLength(3);
    expect(inForce(it)).toEqual(["support stopped: it pays out ${twice}"]);
    expect(status).toBe(0);
  });

  test("the same as JSON", async () => {
    const it = await worldOf();
    const argv = ["kill", "all", "x", "--mode", "read-only", "--format", "json"];
    const { status, stdout } = await runOn(it, it.admin, argv);
    expect(JSON.parse(stdout)).toMatchObject({
      command: "kill",
      switch: it.url,
      scope: "*",
      mode: "read-only",
      reason: "x",
      epoch: 1,
      by: "operator",
      durable: true,
      instances: { known: 2, obeyed: 2, missing: [] },
      stands: true,
      next: { release: "clawproof release all REASON" },
      exitCode: 0,
    });
    expect(status).toBe(0);
  });

  test("names who has not obeyed: pending with what still runs, and silent ones without waiting for them", async () => {
    const clock = { skipped: 0, now: () => Date.now(), monotonic: () => performance.now() + clock.skipped };
    const it = await startSwitch({ clock });
    const [web1, web2] = await reporters(it, "support", ["web-1", "web-2", "web-3"]);
    clock.skipped = 20_000;
    await Promise.all([web1?.obeys(), web2?.obeys()]);
    it.service.killSwitch.onOrder(() => {
      setImmediate(() => {
        void web1?.obeys();
        void web2?.obeys({ refund: 2 });
      });
    });
    const argv = ["kill", "support", "x", "--wait", "500ms"];
    const { status, stderr } = await runOn(it, it.admin, argv);
    expect(stderr).toMatch(/^1 of 3 instances stopped after/m);
    expect(stderr).toMatch(/^pending: web-2 \(support 2\.4\.1\), last heard .+, still running refund \(2\)$/m);
    expect(stderr).toMatch(/^silent: web-3 \(support 2\.4\.1\), last heard .+; its lease is over/m);
    expect(status).toBe(1);
  });

  test("who was silent all along is not waited for", async () => {
    const clock = { skipped: 0, now: () => Date.now(), monotonic: () => performance.now() + clock.skipped };
    const it = await startSwitch({ clock });
    const [web1] = await reporters(it, "support", ["web-1", "web-2"]);
    clock.skipped = 20_000;
    if (web1) obedient(it, [web1]);
    const { status, stderr } = await runOn(it, it.admin, ["kill", "support", "x", "--wait", "300s"]);
    expect(stderr).toMatch(/^1 of 2 instances stopped after.+\nsilent: web-2/m);
    expect(status).toBe(1);
  });

  test("--wait 0s looks once", async () => {
    const it = await startSwitch();
    await reporters(it, "support", ["web-1"]);
    const { status, stderr } = await runOn(it, it.admin, ["kill", "support", "x", "--wait", "0s"]);
    expect(stderr).toContain("0 of 1 instance stopped\npending: web-1");
    expect(status).toBe(1);
  });

  test("an interrupt ends the waiting, not the order", async () => {
    const it = await startSwitch();
    await reporters(it, "support", ["web-1"]);
    const ending = new AbortController();
    it.service.killSwitch.onOrder(() => ending.abort());
    const { status, stdout } = await runOn(it, it.admin, ["kill", "support", "x"], { signal: ending.signal });
    expect(stdout).toContain("Done:      support may not act");
    expect([status, inForce(it)]).toEqual([130, ["support stopped: x"]]);
  });

  test("nothing ever reported under that name: 1, and what was probably meant", async () => {
    const it = await worldOf();
    const { status, stderr } = await runOn(it, it.admin, ["kill", "suport", "x"]);
    expect(stderr).toContain("no instance ever reported as suport: did you mean support?\n");
    expect([status, inForce(it)]).toEqual([1, ["suport stopped: x"]]);
    const other = await runOn(it, it.admin, ["kill", "payroll", "x"]);
    expect(other.stderr).toContain("no instance ever reported as payroll; known are support\n");
    for (let index = 0; index < 24; index++) await reporters(it, `agent-${index}`, ["web-1"]);
    const many = await runOn(it, it.admin, ["kill", "payroll", "x"]);
    expect(many.stderr).toMatch(/known are agent-0, .* and 5 more \(all are in http:\S+\/v1\/fleet\)\n/);
    const empty = await startSwitch();
    expect((await runOn(empty, empty.admin, ["kill", "all", "x"])).stderr).toContain(
      "none has reported to this switch at all",
    );
  });

  test("wider orders that hold it too are named", async () => {
    const it = await worldOf();
    await it.call("/v1/kill", { body: { scope: "*", reason: "all of it" } });
    const { stdout } = await runOn(it, it.admin, ["kill", "support", "x", "--mode", "read-only"]);
    expect(stdout).toContain("Done:      support may not act (order 2");
    expect(stdout).toMatch(/^Also in force: order 1: stopped everything \(\*\), by operator, .+: all of it$/m);
  });

  test("an order that was undone while it was watched no longer stands", async () => {
    const it = await startSwitch();
    const [web1] = await reporters(it, "support", ["web-1"]);
    let isUndone = false;
    it.service.killSwitch.onOrder(() => {
      if (isUndone) return;
      isUndone = true;
      setImmediate(() => {
        void it.call("/v1/release", { body: { scope: "support", reason: "no" } }).then(() => web1?.obeys());
      });
    });
    const { status, stderr, stdout } = await runOn(it, it.admin, ["kill", "support", "x"]);
    expect(stderr).toContain("THE ORDER NO LONGER STANDS: the scope is running by now\n");
    expect(stdout).toMatch(/^Now: {8}support may act; order 1 \(by operator, .+\) no longer stands$/m);
    expect(stdout).toContain("Stop again: clawproof kill support REASON\n");
    expect(stdout).not.toMatch(/^Done|may not act/m);
    expect(status).toBe(1);
  });

  test("what cannot be made durable is said loudly, and is in force", async () => {
    const it = await worldOf();
    it.service.killSwitch.store.database.exec("PRAGMA query_only = 1");
    const { status, stderr, stdout } = await runOn(it, it.admin, ["kill", "support", "x"]);
    it.service.killSwitch.store.database.exec("PRAGMA query_only = 0");
    expect(stderr).toContain("NOT DURABLE: the order is in force");
    expect(stdout).toContain("support may not act");
    expect(status).toBe(0);
  });
});

describe("what is refused makes no order", () => {
  test.each([
    [["kill", "a/b/c", "x"], '"a/b/c" is no scope; it takes all (for *), *, AGENT, AGENT@VERSION, AGENT/TYPE'],
    [["kill", "", "x"], '"" is no scope'],
    [["kill", "drill", "x"], '"drill" is no scope'],
    [["kill", "a.txt", "b.txt", "x"], "the shell expanded *; write all"],
    [["kill", "a.txt", "x"], "the shell expanded *; write all"],
    [["kill", "support", "a.txt", "b.txt", "configured"], "the shell expanded *; write all"],
    [["kill", "support"], "a reason is needed, and nothing was done: clawproof kill SCOPE REASON"],
    [["release", "support", " "], "a reason is needed"],
    [["kill", "support", "x", "--wait", "3"], "--wait takes a duration such as 500ms, 30s"],
    [["kill", "support", "x", "--mode", "running"], "Allowed choices are stopped, read-only"],
    [["kill", "support", "x", "--ttl", "1500ms"], "--ttl takes whole seconds"],
    [["kill", "support", "x", "--ttl", "60s"], "ttlSeconds is for drills alone"],
    [["release", "support", "x", "--if-epoch", "new"], "--if-epoch takes a whole number from 1"],
    [["--check", "05", "kill", "support", "x"], "--check is an option of the audit, not of kill"],
  ])("%j", async (argv, message) => {
    const it = await startSwitch();
    const { status, stdout, stderr } = await runOn(it, it.admin, argv, { cwd });
    expect(stderr).toContain(message);
    expect([status, stdout, inForce(it)]).toEqual([2, "", []]);
  });

  test("a folder may be named like its agent", async () => {
    const it = await startSwitch();
    expect(await runOn(it, it.admin, ["kill", "support", "x"], { cwd })).toMatchObject({ status: 1 });
    expect(inForce(it)).toEqual(["support stopped: x"]);
  });

  test("in the service's own words, whoever may not", async () => {
    const it = await startSwitch();
    const reader = it.tokenFor("dana", ["read"]);
    const refused = await runOn(it, reader, ["kill", "support", "x", "--format", "json"]);
    expect(refused.stderr).toContain("killing needs the role kill, which dana does not have");
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: expect.stringContaining("role kill"), exitCode: 2 });
    expect(refused.status).toBe(2);
    const nobody = await runOn(it, "wrong-token", ["kill", "support", "x"]);
    expect(nobody.status).toBe(2);
    expect(nobody.stdout + nobody.stderr).not.toContain("wrong-token");
  });

  test("says how else the agent is stopped where this token may not, or holds no more", async () => {
    const it = await startSwitch();
    for (const token of ["wrong-token", it.tokenFor("dana", ["read"])]) {
      const { stderr, stdout } = await runOn(it, token, ["kill", "support", "x", "--format", "json"]);
      expect(stderr).toMatch(
        /^NOTHING WAS STOPPED\. What else can be done now:\n {2}- put a token with the role kill in /m,
      );
      for (const words of [
        "CLAWPROOF_TOKEN",
        "token add NAME --role kill",
        "/?scope=support",
        "processes",
        "credentials",
      ]) {
        expect(stderr).toContain(words);
      }
      expect(JSON.parse(stdout)).toMatchObject({
        advice: expect.arrayContaining([expect.stringContaining("role kill")]),
      });
    }
    const { stderr } = await runOn(it, "wrong-token", ["release", "support", "x"]);
    expect(stderr).toMatch(/^Nothing was released\. .*\n {2}- put a token with the role release in CLAWPROOF_TOKEN/m);
    expect(stderr).not.toContain("processes");
  });
});

describe("whom", () => {
  test("without any argument: the configuration's agent, and the reason is asked for", async () => {
    const it = await worldOf();
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    stdin.write("it pays out twice\n");
    const stderr = new Kept({ columns: 80 });
    const { status } = await runOn(it, it.admin, ["kill"], { cwd: join(cwd, "configured"), stdin, stderr });
    expect(stderr.text).toContain("Reason (goes into the log and the alerts): ");
    expect([status, inForce(it)]).toEqual([0, ["support stopped: it pays out twice"]]);
  });

  test("an empty line is no reason", async () => {
    const it = await startSwitch();
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    stdin.write("\n");
    const ran = await runOn(it, it.admin, ["kill", "all"], { cwd, stdin, stderr: new Kept({ columns: 80 }) });
    expect([ran.status, inForce(it)]).toEqual([2, []]);
  });

  test("without a configuration the known agents are listed, and nothing is killed", async () => {
    const it = await worldOf();
    const { status, stderr } = await runOn(it, it.admin, ["kill"], { cwd });
    expect(stderr).toContain("whom? Nothing was done. Known agents: support (2); name one, or all: clawproof kill");
    expect([status, inForce(it)]).toEqual([2, []]);
  });
});

describe("release", () => {
  test("says what it ended, and what still holds the scope", async () => {
    const it = await worldOf();
    await it.call("/v1/kill", { body: { scope: "*", reason: "all of it" } });
    await it.call("/v1/kill", { body: { scope: "support", reason: "this one" } });
    const { status, stdout, stderr } = await runOn(it, it.admin, ["release", "support", "fixed"]);
    expect(stderr).toMatch(/^2 of 2 instances have heard that they may act after/m);
    expect(stdout).toContain("Done:       support may not act (order 3 by operator");
    expect(stdout).toMatch(/^Ended: {6}order 2: stopped support, by operator, .+: this one$/m);
    expect(stdout).toMatch(/^Still held: order 1: stopped everything.+ \(clawproof release all REASON ends it\)$/m);
    expect([status, inForce(it)]).toEqual([0, ["* stopped: all of it"]]);
  });

  test("names orders on parts of the scope, which stay in force", async () => {
    const it = await worldOf();
    for (const scope of ["support", "support/refund", "drill/support", "billing/refund"])
      await it.call("/v1/kill", { body: { scope, reason: "this one" } });
    const { status, stdout } = await runOn(it, it.admin, ["release", "support", "fixed"]);
    expect(stdout).toContain("Done:       support may act (order 5 ");
    expect(stdout.match(/^Narrower, in force: .+$/gm)).toEqual([
      expect.stringMatching(
        /order 2: stopped support\/refund, by operator, .+: this one \(clawproof release support\/refund REASON ends it\)$/,
      ),
    ]);
    expect(status).toBe(0);
    const json = await runOn(it, it.admin, ["release", "support", "again", "--format", "json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      mode: "running",
      narrower: [{ epoch: 2, scope: "support/refund" }],
    });
  });

  test("of nothing says so", async () => {
    const it = await worldOf();
    const { stdout } = await runOn(it, it.admin, ["release", "support", "x"]);
    expect(stdout).toContain("Ended:      nothing; no order on exactly support was in force\n");
  });

  test("that is tried again leaves what somebody ordered meanwhile", async () => {
    const it = await worldOf();
    await runOn(it, it.admin, ["kill", "support", "first"]);
    let tries = 0;
    const gateway = await gatewayTo(
      ({ method }) => {
        // The first try gets lost before the switch hears it; before the second, somebody stops it anew.
        if (method !== "POST" || ++tries > 1) return it.url;
        it.service.killSwitch.kill({ scope: "support", reason: "second" }, KILLER);
        return `${it.url}/lost`;
      },
      ({ status, text }, response) =>
        response.writeHead(status === 404 ? 502 : status, { "content-type": "application/json" }).end(text),
    );
    const { status, stderr } = await runOn(gateway, it.admin, ["release", "support", "x"]).finally(gateway.close);
    expect(stderr).toContain("order 2 by kim (second) is newer than 1");
    expect(tries).toBe(2);
    expect(inForce(it)).toEqual(["support stopped: second"]);
    expect(status).toBe(2);
  });

  test("--if-epoch leaves a later order alone", async () => {
    const it = await worldOf();
    for (const reason of ["one", "two"]) await it.call("/v1/kill", { body: { scope: "support", reason } });
    const refused = await runOn(it, it.admin, ["release", "support", "x", "--if-epoch", "1"]);
    expect([refused.status, inForce(it)]).toEqual([2, ["support stopped: two"]]);
    expect(refused.stderr).toContain("is newer than 1");
    expect((await runOn(it, it.admin, ["release", "support", "x", "--if-epoch", "2"])).status).toBe(0);
  });

  test("a pull in the middle is named", async () => {
    const it = await startSwitch();
    const [web1] = await reporters(it, "support", ["web-1"]);
    await it.call("/v1/kill", { body: { scope: "support", reason: "one" } });
    let isPulled = false;
    it.service.killSwitch.onOrder(() => {
      if (isPulled) return;
      isPulled = true;
      setImmediate(() => {
        void it.call("/v1/kill", { body: { scope: "support", reason: "again" } }).then(() => web1?.obeys());
      });
    });
    const { status, stdout, stderr } = await runOn(it, it.admin, ["release", "support", "x"]);
    expect(stdout).toMatch(/^Done: {7}support may not act \(order 2 .+\n(.+\n)*Still held: order 3: /);
    expect(stderr).toMatch(/^pulled again meanwhile: order 3: stopped support, by operator, .+: again$/m);
    expect(status).toBe(1);
  });
});
