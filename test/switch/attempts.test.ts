import { describe, expect, it } from "vitest";
import { headline, type News } from "../../src/alerts/news.ts";
import { Attempts } from "../../src/switch/service/attempts.ts";
import type { Undated } from "../../src/switch/service/entry.ts";
import { answering, receiver } from "../alerts/support.ts";
import { type RunningSwitch, startSwitch } from "./support.ts";
import { follow, send, TestClock } from "./wire.ts";

/** What was tried and not allowed: limited in rate, logged in sum, told to people once an hour. */

const KILL = { scope: "support", reason: "it refunds everyone" };
const WRONG = `cp_${"A".repeat(12)}_${"B".repeat(43)}`;

type Entries = Record<string, unknown>[];

async function entriesOf(it: RunningSwitch, ...kinds: string[]): Promise<Entries> {
  const { body } = await it.call("/v1/log?limit=10000");
  return (body["entries"] as Entries).filter(({ kind }) => kinds.includes(String(kind)));
}

async function restarted(it: RunningSwitch): Promise<RunningSwitch> {
  await it.close();
  return startSwitch({ dataFile: it.dataFile, admin: it.admin });
}

describe("failed sign-ins", () => {
  it("are told to wait after ten in a minute, while a right token still works", async () => {
    const clock = new TestClock();
    const it = await startSwitch({ clock });
    for (let count = 1; count <= 10; count++) expect((await it.call("/v1/state", { token: WRONG })).status).toBe(401);
    clock.advance(20_000);
    const limited = await it.call("/v1/state", { token: WRONG });
    expect(limited.status).toBe(429);
    expect(limited.headers.get("retry-after")).toBe("40");
    expect(limited.body.error).toContain("40 s");
    expect((await it.call("/v1/state")).status).toBe(200);
    expect((await it.call("/v1/kill", { body: KILL })).status).toBe(200);
  });

  it("count together, whatever they ask for: the page, the events, other calls", async () => {
    const it = await startSwitch();
    for (let count = 1; count <= 3; count++) {
      expect((await follow(it.url, WRONG)).status).toBe(401);
      expect((await it.call("/metrics", { token: WRONG })).status).toBe(401);
      expect((await it.call("/ofrep/v1/evaluate/flags", { token: WRONG, body: {} })).status).toBe(401);
    }
    const origin = { origin: it.url, "content-type": "application/json" };
    const body = JSON.stringify({ token: WRONG });
    const signIn = () => send(`${it.url}/session`, { method: "POST", headers: origin, body });
    expect((await signIn()).status).toBe(401);
    const page = await signIn();
    expect(page.status).toBe(429);
    expect(Number(page.headers["retry-after"])).toBeGreaterThan(0);
    const stream = await follow(it.url, WRONG);
    expect(stream.status).toBe(429);
    expect(Number(stream.headers["retry-after"])).toBeGreaterThan(0);
  });

  it("are one entry of the log, however many they were", async () => {
    const it = await startSwitch();
    for (let count = 1; count <= 60; count++) await it.call("/v1/state", { token: `${WRONG}${count}` });
    expect(await entriesOf(it, "sign-ins-refused")).toEqual([]);
    const again = await restarted(it);
    const entries = await entriesOf(again, "sign-ins-refused");
    expect(entries).toMatchObject([{ by: "clawproof", count: 60, addresses: { "127.0.0.1": 60 }, addressCount: 1 }]);
    expect(JSON.stringify(entries)).not.toContain(WRONG);
  });

  it("from a flood of addresses name ten of them, and count them all", async () => {
    const it = await startSwitch({ behindProxy: ["127.0.0.1"] });
    const addresses = Array.from({ length: 40 }, (_, index) => `198.51.100.${index}`);
    for (const address of addresses) {
      const { status } = await it.call("/v1/state", { token: WRONG, headers: { "x-forwarded-for": address } });
      expect(status).toBe(401);
    }
    const again = await restarted(it);
    const [entry] = await entriesOf(again, "sign-ins-refused");
    expect(entry).toMatchObject({ count: 40, addressCount: 40 });
    expect(Object.keys(entry?.["addresses"] as object)).toHaveLength(10);
    expect(entry).not.toHaveProperty("addressesMore");
  });

  it("from more addresses than are kept apart are all counted, and the entry says that there were more", () => {
    const entries: Undated[] = [];
    const attempts = new Attempts({ clock: new TestClock(), note: (entry) => entries.push(entry) });
    for (let count = 0; count < 1_002; count++) attempts.signInFailed(`2001:db8::${count}`);
    attempts.close();
    expect(entries).toMatchObject([{ count: 1_002, addressCount: 1_000, addressesMore: true }]);
  });
});

describe("refused attempts of somebody signed in", () => {
  it("are logged one by one up to five in a minute, the rest in sum", async () => {
    const it = await startSwitch();
    const reader = it.tokenFor("reader", ["read"]);
    for (let count = 1; count <= 30; count++)
      expect((await it.call("/v1/kill", { token: reader, body: KILL })).status).toBe(403);
    expect(await entriesOf(it, "refused")).toHaveLength(5);
    const again = await restarted(it);
    const entries = await entriesOf(again, "refused");
    expect(entries).toHaveLength(6);
    expect(entries[0]).toMatchObject({ by: "reader", from: "127.0.0.1", doing: "POST /v1/kill" });
    expect(entries[0]?.["reason"]).toContain("needs the role kill");
    expect(entries.at(-1)).toMatchObject({ by: "reader", count: 25 });
  });

  it("are told to people at most once an hour for each token", async () => {
    const clock = new TestClock();
    const hook = await receiver();
    const it = await startSwitch({ clock, alerts: [{ webhook: hook.url }] });
    const tokens = [it.tokenFor("one", ["read"]), it.tokenFor("two", ["read"])];
    const attempt = async (token: string | undefined) => {
      expect((await it.call("/v1/kill", { token: token ?? "", body: KILL })).status).toBe(403);
    };
    const told = () => hook.received.map(({ body }) => (JSON.parse(body) as { data?: { by?: string } }).data?.by);
    for (let count = 0; count < 3; count++) for (const token of tokens) await attempt(token);
    await hook.after(2);
    clock.advance(3_600_000 - 1);
    await attempt(tokens[0]);
    clock.advance(1);
    await attempt(tokens[0]);
    await hook.after(3);
    // What comes after everything else: nothing was between.
    await it.call("/v1/kill", { body: KILL });
    await hook.after(4);
    expect(told()).toEqual(["one", "two", "one", "operator"]);
  });
});

describe("people are told of a refused attempt", () => {
  /** A switch whose alerts are in `told`, one headline each. */
  async function telling() {
    const hook = await receiver();
    const it = await startSwitch({ alerts: [{ webhook: hook.url }] });
    const told = () => hook.received.map(({ body }) => headline((JSON.parse(body) as { data: News }).data));
    return { it, told, after: hook.after };
  }

  it.each([
    ["an agent", ["agent"], "POST /v1/release"],
    ["an agent", ["agent"], "POST /v1/kill"],
    ["somebody who may kill", ["kill"], "POST /v1/release"],
    ["somebody who may release", ["release"], "POST /v1/kill"],
  ] as const)("on a drill's scope, by %s with the role %s, as of a drill: %s", async (_, roles, doing) => {
    const pagerduty = await receiver(answering(202));
    const it = await startSwitch({ alerts: [{ pagerduty: { routingKey: "k".repeat(32), url: pagerduty.url } }] });
    const token = it.tokenFor("somebody", roles, roles[0] === "agent" ? "support" : undefined);
    const body = { scope: "drill/support", reason: "rehearsal" };
    expect((await it.call(doing.slice("POST ".length), { token, body })).status).toBe(403);
    await pagerduty.after(1);
    expect(pagerduty.received[0]?.path).toBe("/v2/change/enqueue");
    expect(pagerduty.received[0]?.body).toContain(`[DRILL] ${doing} on drill/support was refused`);
    expect(await entriesOf(it, "refused")).toMatchObject([{ scope: "drill/support", doing }]);
  });

  it("that would have loosened a drill's order, as of a drill", async () => {
    const { it, told, after } = await telling();
    const token = it.tokenFor("killer", ["kill"]);
    const body = { scope: "drill/support", reason: "rehearsal" };
    await it.call("/v1/kill", { body });
    await after(1);
    expect((await it.call("/v1/kill", { token, body: { ...body, ttlSeconds: 60 } })).status).toBe(403);
    await after(2);
    expect(told()[1]).toBe("[DRILL] POST /v1/kill on drill/support was refused");
  });

  it("in words that say what was tried", async () => {
    const words = [
      ["/v1/release", { body: { ...KILL } }, "POST /v1/release on support was refused"],
      ["/v1/kill", { body: { ...KILL, scope: "*" } }, "POST /v1/kill on everything (*) was refused"],
      ["/v1/tokens", { body: { name: "mine", roles: ["admin"] } }, "POST /v1/tokens was refused"],
      ["/v1/tokens/operator", { method: "DELETE" }, "DELETE /v1/tokens/operator was refused"],
    ] as const;
    const { it, told, after } = await telling();
    for (const [index, [path, options]] of words.entries()) {
      const token = it.tokenFor(`reader-${index}`, ["read"]);
      expect((await it.call(path, { ...options, token })).status).toBe(403);
      await after(index + 1);
    }
    expect(told()).toEqual(words.map(([, , headline]) => headline));
  });

  it("not where nothing would have changed, and such attempts silence nothing", async () => {
    const { it, told, after } = await telling();
    const token = it.tokenFor("agent", ["agent"], "support");
    for (let count = 0; count < 3; count++)
      for (const path of ["/v1/log", "/v1/fleet", "/v1/tokens", "/v1/drills"])
        expect((await it.call(path, { token })).status).toBe(403);
    expect((await it.call("/v1/drills", { token, body: { line: {} } })).status).toBe(403);
    expect((await it.call("/v1/alerts/test", { token, body: {} })).status).toBe(403);
    expect((await it.call("/v1/release", { token, body: KILL })).status).toBe(403);
    await after(1);
    expect(told()).toEqual(["POST /v1/release on support was refused"]);
    expect((await entriesOf(it, "refused")).at(-1)).toMatchObject({ doing: "POST /v1/release", scope: "support" });
  });

  it("although a rehearsal of the same token came before", async () => {
    const { it, told, after } = await telling();
    const token = it.tokenFor("agent", ["agent"], "support");
    const release = (scope: string) => it.call("/v1/release", { token, body: { ...KILL, scope } });
    for (let count = 0; count < 6; count++) await release("drill/support");
    await after(1);
    await release("support");
    await after(2);
    expect(told()).toEqual([
      "[DRILL] POST /v1/release on drill/support was refused",
      "POST /v1/release on support was refused",
    ]);
  });
});
