import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { Role } from "../../src/switch/protocol/roles.ts";
import { type CallOptions, type RunningSwitch, startSwitch } from "./support.ts";
import { TestClock } from "./wire.ts";

/** Who may do what (contract, section 4), and for how long. */

const ROLES = ["admin", "kill", "release", "agent", "read"] as const;
const ANYONE = [...ROLES];
const READERS = ["admin", "kill", "release", "read"] as const;

interface Route {
  call: string;
  options?: CallOptions;
  /** Where the role is there, the answer is one of these; where it is not, 403. */
  may: readonly Role[];
  answers: number;
}

const json = (body: unknown): CallOptions => ({ method: "POST", body });
const KILL = { scope: "support", reason: "it refunds everyone" };

/** Every route of the contract that needs a sign-in. */
const ROUTES: readonly Route[] = [
  { call: "/v1/kill", options: json(KILL), may: ["kill"], answers: 200 },
  { call: "/v1/release", options: json(KILL), may: ["release"], answers: 200 },
  { call: "/v1/trip", options: json({ instance: "one", signal: "rate", figures: {} }), may: ["agent"], answers: 200 },
  { call: "/v1/state", may: ANYONE, answers: 200 },
  { call: "/v1/state?scope=support", may: ANYONE, answers: 200 },
  { call: "/v1/whoami", may: ANYONE, answers: 200 },
  {
    call: "/v1/report",
    options: json({ instance: "one", agent: "support", series: "SERIES", epoch: 0 }),
    may: ["agent"],
    answers: 204,
  },
  { call: "/v1/fleet", may: READERS, answers: 200 },
  { call: "/v1/log", may: READERS, answers: 200 },
  { call: "/v1/log/head", may: READERS, answers: 200 },
  { call: "/v1/drills", may: READERS, answers: 200 },
  { call: "/v1/drills", options: json({ line: { drill: 1 } }), may: ["release"], answers: 201 },
  { call: "/v1/tokens", may: ["admin"], answers: 200 },
  { call: "/v1/tokens", options: json({ name: "made-by-ROLE", roles: ["read"] }), may: ["admin"], answers: 201 },
  { call: "/v1/tokens/nobody", options: { method: "DELETE" }, may: ["admin"], answers: 404 },
  { call: "/v1/alerts/test", options: json({}), may: ["admin", "kill", "release"], answers: 200 },
  {
    call: "/ofrep/v1/evaluate/flags/may-act",
    options: json({ context: { targetingKey: "support" } }),
    may: ANYONE,
    answers: 200,
  },
  {
    call: "/ofrep/v1/evaluate/flags",
    options: json({ context: { targetingKey: "support" } }),
    may: ANYONE,
    answers: 200,
  },
];

function filled(options: CallOptions | undefined, it: RunningSwitch, role: string): CallOptions {
  const text = JSON.stringify(options ?? {}).replace("SERIES", it.service.killSwitch.standing.series);
  return JSON.parse(text.replace("ROLE", role)) as CallOptions;
}

async function kinds(it: RunningSwitch): Promise<unknown[]> {
  const { body } = await it.call("/v1/log");
  return (body["entries"] as Record<string, unknown>[]).map(({ kind }) => kind);
}

describe("a role", () => {
  it.for(ROLES)("%s may do what the contract says, and nothing else", async (role) => {
    const it = await startSwitch();
    const token = it.tokenFor("somebody", [role], role === "agent" ? "support" : undefined);
    const expected = ROUTES.map(({ call, options, may, answers }) => [
      call,
      options?.method,
      may.includes(role) ? answers : 403,
    ]);
    const got: unknown[] = [];
    for (const { call, options } of ROUTES) {
      const { status } = await it.call(call, { ...filled(options, it, role), token });
      got.push([call, options?.method, status]);
    }
    expect(got).toEqual(expected);
  });

  it("is needed everywhere: without a token, or with a wrong one, nothing is answered", async () => {
    const it = await startSwitch();
    const { epoch } = it.service.killSwitch.standing;
    const wrong = [`cp_${"A".repeat(12)}_${"A".repeat(43)}`, `${it.admin}x`, it.admin.slice(0, -1), "x"];
    for (const { call, options } of ROUTES) {
      const asked = filled(options, it, "nobody");
      expect([call, (await it.call(call, { ...asked, token: null })).status]).toEqual([call, 401]);
    }
    for (const token of wrong) expect((await it.call("/v1/state", { token })).status).toBe(401);
    for (const scheme of ["Basic", "Token", "bearer x"])
      expect(
        (await it.call("/v1/state", { token: null, headers: { authorization: `${scheme} ${it.admin}` } })).status,
      ).toBe(401);
    expect((await it.call(`/v1/state?token=${it.admin}`, { token: null })).status).toBe(401);
    expect(it.service.killSwitch.standing.epoch).toBe(epoch);
    expect((await it.call("/healthz", { token: null })).status).toBe(200);
    expect((await it.call("/metrics", { token: null })).status).toBe(200);
    expect((await it.call("/", { token: null })).status).toBe(200);
  });

  it("of an agent is bound to that agent", async () => {
    const it = await startSwitch();
    const token = it.tokenFor("other-agent", ["agent"], "other");
    const { series } = it.service.killSwitch.standing;
    const report = { instance: "one", agent: "support", series, epoch: 0 };
    const refused = await it.call("/v1/report", { token, body: report });
    expect(refused).toMatchObject({
      status: 403,
      body: { error: expect.stringContaining("bound to other") as string },
    });
    const trip = await it.call("/v1/trip", { token, body: { instance: "one", signal: "rate", figures: {} } });
    expect(trip.body["scope"]).toBe("other");
    expect((await it.call("/v1/fleet")).body["instances"]).toEqual([]);
  });
});

describe("a token", () => {
  it("is said once, and only its hash is kept", async () => {
    const it = await startSwitch();
    const { status, body } = await it.call("/v1/tokens", { body: { name: "kim", roles: ["kill", "read", "kill"] } });
    expect(status).toBe(201);
    const token = String(body["token"]);
    expect(body).toMatchObject({
      name: "kim",
      roles: ["kill", "read"],
      agent: null,
      expiresAt: null,
      token: expect.stringMatching(/^cp_/) as string,
    });
    expect((await it.call("/v1/kill", { token, body: KILL })).status).toBe(200);
    const { body: list } = await it.call("/v1/tokens");
    expect(list["tokens"]).toMatchObject([
      { name: "operator" },
      { name: "kim", createdBy: "operator", revokedAt: null },
    ]);
    await it.close();
    const secrets = [token, it.admin].map((one) => one.split("_").at(-1) ?? "");
    const log = JSON.stringify([list, it.logged]);
    for (const suffix of ["", "-wal"]) {
      const bytes = await readFile(`${it.dataFile}${suffix}`).catch(() => Buffer.alloc(0));
      for (const secret of secrets) expect(bytes.includes(secret)).toBe(false);
    }
    for (const secret of secrets) expect(log).not.toContain(secret);
    const hash = /"hash":/;
    expect(log).not.toMatch(hash);
  });

  it("that is revoked ends at once, stays ended after a restart, and is in the log", async () => {
    const it = await startSwitch();
    const token = it.tokenFor("kim", ["kill"]);
    const revoked = await it.call("/v1/tokens/kim", { method: "DELETE" });
    expect(revoked).toMatchObject({ status: 200, body: { revoked: "kim" } });
    expect((await it.call("/v1/kill", { token, body: KILL })).status).toBe(401);
    expect((await it.call("/v1/tokens/kim", { method: "DELETE" })).status).toBe(404);
    expect(await kinds(it)).toEqual(expect.arrayContaining(["token-added", "token-revoked"]));
    await it.close();
    const again = await startSwitch({ dataFile: it.dataFile, admin: it.admin });
    expect((await again.call("/v1/kill", { token, body: KILL })).status).toBe(401);
    const other = await again.call("/v1/tokens", { body: { name: "kim", roles: ["read"] } });
    expect(other.status, "its name is free again").toBe(201);
    expect((await again.call("/v1/kill", { token, body: KILL })).status).toBe(401);
  });

  it("that expires ends at its time", async () => {
    const clock = new TestClock();
    const it = await startSwitch({ clock });
    const { body } = await it.call("/v1/tokens", { body: { name: "short", roles: ["kill"], expiresInSeconds: 60 } });
    expect(body["expiresAt"]).toBe("2026-11-22T10:01:00.000Z");
    const token = String(body["token"]);
    clock.advance(59_999);
    expect((await it.call("/v1/kill", { token, body: KILL })).status).toBe(200);
    clock.advance(1);
    expect((await it.call("/v1/kill", { token, body: KILL })).status).toBe(401);
  });

  it("has a name, roles that go together, and an agent where it is an agent's", async () => {
    const it = await startSwitch();
    const add = async (body: object): Promise<number> => (await it.call("/v1/tokens", { body })).status;
    const names = ["", "a b", "-a", "a".repeat(65), "clawproof", "a/b", "a\nb", "ä", "../a"];
    for (const name of names) expect([name, await add({ name, roles: ["read"] })]).toEqual([name, 400]);
    expect(await add({ name: "operator", roles: ["read"] })).toBe(409);
    for (const roles of [[], ["root"], ["agent"], ["agent", "kill"], "read", undefined])
      expect([roles, await add({ name: "a", roles })]).toEqual([roles, 400]);
    for (const agent of ["*", "support/refund", "support@1", "drill/support", "all", "", "a b"])
      expect([agent, await add({ name: "a", roles: ["agent"], agent })]).toEqual([agent, 400]);
    expect(await add({ name: "a", roles: ["read"], agent: "support" })).toBe(400);
    expect(await add({ name: "a", roles: ["agent", "kill"], agent: "support" })).toBe(400);
    for (const expiresInSeconds of [0, -1, 1.5, 1e12, "60"])
      expect(await add({ name: "a", roles: ["read"], expiresInSeconds })).toBe(400);
    expect((await it.call("/v1/tokens")).body["tokens"]).toHaveLength(1);
  });

  it("of the last admin stays; one that expires does not count", async () => {
    const it = await startSwitch();
    const revoke = () => it.call("/v1/tokens/operator", { method: "DELETE" });
    expect(await revoke()).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining("last admin") as string },
    });
    await it.call("/v1/tokens", { body: { name: "short", roles: ["admin"], expiresInSeconds: 3_600 } });
    expect((await revoke()).status).toBe(409);
    await it.call("/v1/tokens", { body: { name: "second", roles: ["admin"] } });
    expect((await revoke()).status).toBe(200);
    expect((await it.call("/v1/state")).status).toBe(401);
  });
});
