import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { answering, receiver } from "../alerts/support.ts";
import { serveTcp } from "../doors/servers.ts";
import { type Answered, type RunningSwitch, startSwitch } from "./support.ts";
import { send } from "./wire.ts";

/** Whatever comes in, the answer is one sentence, nothing changes, and the service goes on. */

const KILL = { scope: "support", reason: "it refunds everyone" };

/** Refused with a sentence for a person; without a mistake of ours, a stack, a token or a trace in the log. */
function expectRefused(it: RunningSwitch, { status, body }: Answered, expected: number): void {
  expect(body).toEqual({ error: expect.any(String) as string });
  expect([status, body.error]).toEqual([expected, body.error]);
  expect(body.error).not.toMatch(/\n\s+at |node_modules|\.ts:\d/);
  expect(body.error).not.toContain(it.admin);
  expectNothing(it);
}

function expectNothing({ service, logged, admin }: RunningSwitch): void {
  expect(service.killSwitch.standing).toMatchObject({ epoch: 0, orders: [] });
  expect(logged.filter(({ event }) => event === "mistake")).toEqual([]);
  expect(JSON.stringify([logged, service.killSwitch.store.log({})])).not.toContain(admin);
}

function nested(depth: number, open: string, close: string): string {
  return open.repeat(depth) + close.repeat(depth);
}

describe("an order is refused", () => {
  it.for([
    "",
    " ",
    "support ",
    "*/refund",
    "support/",
    "support@",
    "support/refund/more",
    "support@1/refund",
    "drill/",
    "drill",
    "all",
    "../support",
    "sup port",
    "support\u0000",
    "süpport",
    "Ｓupport",
    "support\n",
    "a".repeat(65),
    "a".repeat(1_000),
    null,
    7,
    ["support"],
    { $ne: "" },
  ])("for the scope %j", async (scope) => {
    const it = await startSwitch();
    expectRefused(it, await it.call("/v1/kill", { body: { ...KILL, scope } }), 400);
    expectRefused(it, await it.call("/v1/release", { body: { ...KILL, scope } }), 400);
    if (typeof scope === "string")
      expectRefused(it, await it.call(`/v1/state?scope=${encodeURIComponent(scope)}`), 400);
  });

  it("without a reason, with an endless one, or with half a character", async () => {
    const it = await startSwitch();
    for (const reason of ["", "  \n\t", undefined, null, 7, "x".repeat(1_001), "half \ud83d of it"])
      for (const path of ["/v1/kill", "/v1/release"])
        expectRefused(it, await it.call(path, { body: { scope: "support", reason } }), 400);
  });

  it("where a member has no meaning: what was meant is not guessed", async () => {
    const it = await startSwitch();
    for (const more of [{ scpoe: "x" }, { mode: "running" }, { mode: "STOPPED" }, { ifEpoch: 1 }, { by: "someone" }])
      expectRefused(it, await it.call("/v1/kill", { body: { ...KILL, ...more } }), 400);
    for (const more of [{ mode: "stopped" }, { ifEpoch: -1 }, { ifEpoch: "1" }, { evidence: "no hash" }])
      expectRefused(it, await it.call("/v1/release", { body: { ...KILL, ...more } }), 400);
  });
});

describe("a body", () => {
  it("is JSON, and says so", async () => {
    const it = await startSwitch();
    const text = JSON.stringify(KILL);
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data"])
      expectRefused(it, await it.call("/v1/kill", { body: text, headers: { "content-type": type } }), 415);
    for (const body of ["", "{", "nul", "[]", "null", '"x"', "7", `${text}{}`, `\u0000${text}`, "{'scope': 'x'}"])
      expectRefused(it, await it.call("/v1/kill", { body }), 400);
    const answer = await it.call("/v1/kill", {
      body: text,
      headers: { "content-type": "application/json;charset=utf-8" },
    });
    expect(answer.status).toBe(200);
  });

  it("has at most 64 KiB, whether it says its length or not", async () => {
    const it = await startSwitch();
    const body = JSON.stringify({ ...KILL, reason: "x".repeat(70_000) });
    expectRefused(it, await it.call("/v1/kill", { body }), 413);
    const authorization = `Bearer ${it.admin}`;
    const headers = { authorization, "content-type": "application/json", "transfer-encoding": "chunked" };
    const chunked = await send(`${it.url}/v1/kill`, { method: "POST", headers, body });
    expect(chunked.status).toBe(413);
    const stranger = await it.call("/v1/kill", { body, token: null });
    expect(stranger.status).toBe(413);
    expectNothing(it);
  });

  it("is not nested for ever, wherever it may be nested", async () => {
    const it = await startSwitch();
    const agent = it.tokenFor("agent", ["agent"], "support");
    for (const depth of [120, 5_000, 30_000]) {
      for (const deep of [nested(depth, "[", "]"), nested(depth, '{"a":', "}").replace(":}", ":1}")]) {
        if (deep.length > 60_000) continue;
        const trip = `{"instance":"one","signal":"rate","figures":{"deep":${deep}}}`;
        expectRefused(it, await it.call("/v1/trip", { token: agent, body: trip }), 400);
        expectRefused(it, await it.call("/v1/drills", { body: `{"line":{"deep":${deep}}}` }), 400);
        expectRefused(it, await it.call("/v1/kill", { body: `{"scope":"x","reason":${deep}}` }), 400);
        const asked = await it.call("/ofrep/v1/evaluate/flags/may-act", { body: `{"context":{"deep":${deep}}}` });
        expect(asked.status).toBe(400);
        expectNothing(it);
      }
    }
  });

  it("holds no half characters and no endless numbers where it would be written to the log", async () => {
    const it = await startSwitch();
    const agent = it.tokenFor("agent", ["agent"], "support");
    const half = "\ud83d";
    const { series } = it.service.killSwitch.standing;
    const trip = { instance: "one", signal: "rate", figures: {} };
    for (const wrong of [{ instance: half }, { signal: half }, { figures: { [half]: 1 } }, { figures: { a: [half] } }])
      expectRefused(it, await it.call("/v1/trip", { token: agent, body: { ...trip, ...wrong } }), 400);
    const endless = '{"instance":"one","signal":"rate","figures":{"rate":1e999}}';
    expectRefused(it, await it.call("/v1/trip", { token: agent, body: endless }), 400);
    expectRefused(it, await it.call("/v1/drills", { body: { line: { a: half } } }), 400);
    const report = { instance: half, agent: "support", series, epoch: 5 };
    expectRefused(it, await it.call("/v1/report", { token: agent, body: report }), 400);
    expectRefused(it, await it.call("/v1/tokens", { body: { name: half, roles: ["read"] } }), 400);
    expect((await it.call("/v1/fleet")).body["instances"]).toEqual([]);
  });

  it("may hold NUL, line ends and what looks like escapes: they are kept as they are, and forge nothing", async () => {
    const it = await startSwitch();
    const reason = 'a\u0000b\n{"seq":1}\r\n\u001b[31mred "quoted" \\ __proto__ 💥';
    expect((await it.call("/v1/kill", { body: { ...KILL, reason } })).status).toBe(200);
    await it.close();
    const again = await startSwitch({ dataFile: it.dataFile, admin: it.admin });
    const { body } = await again.call("/v1/state");
    expect(body["orders"]).toMatchObject([{ reason }]);
    const { body: log } = await again.call("/v1/log?scope=support");
    expect(log["entries"]).toMatchObject([{ reason }]);
  });

  it("changes no prototype", async () => {
    const it = await startSwitch();
    const agent = it.tokenFor("agent", ["agent"], "support");
    const body = '{"instance":"one","signal":"rate","figures":{"__proto__":{"polluted":true},"constructor":1}}';
    expect((await it.call("/v1/trip", { token: agent, body })).status).toBe(200);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("requests that nobody should send", () => {
  it("are not found, not allowed or not read, and nothing comes of them", async () => {
    const it = await startSwitch();
    for (const path of ["/v1/nothing", "/v1", "/nothing", "/v1/kill", "/v1/state/../kill", "/v1/log/%00", "/%2e%2e/x"])
      expect([path, (await it.call(path)).status]).toEqual([path, 404]);
    for (const path of [
      "/v1/log?after=x",
      "/v1/log?after=-1",
      "/v1/log?limit=0",
      "/v1/log?last=1e9",
      "/v1/log?orders=2",
    ])
      expectRefused(it, await it.call(path), 400);
    expectRefused(it, await it.call("/v1/fleet?scope=a%20b"), 400);
    expectRefused(it, await it.call("/v1/tokens/%00", { method: "DELETE" }), 404);
  });

  it("below HTTP end the connection, and the next is served", async () => {
    const it = await startSwitch();
    const { port } = new URL(it.url);
    const long = `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ${"x".repeat(100_000)}\r\n\r\n`;
    const twice =
      "POST /v1/kill HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}";
    for (const raw of ["nonsense\r\n\r\n", long, twice, "GET / HTTP/1.1\r\n\r\n", "GET /v1/state HTTP/1.0\r\n\r\n"]) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => undefined);
      let answered = "";
      socket.on("data", (data) => (answered += data.toString()));
      socket.write(raw);
      await once(socket, "close");
      expect(answered).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
    expect((await it.call("/v1/state")).status).toBe(200);
    expectNothing(it);
  });

  it("replayed and out of order: a late kill holds again, and only a new release ends it", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", { body: KILL });
    await it.call("/v1/release", { body: { ...KILL, ifEpoch: 1 } });
    const late = await it.call("/v1/kill", { body: KILL });
    expect(late.body).toMatchObject({ epoch: 3, mode: "stopped" });
    expect((await it.call("/v1/release", { body: { ...KILL, ifEpoch: 1 } })).status).toBe(409);
  });

  it("a report of before does not undo what a later one said", async () => {
    const it = await startSwitch();
    const agent = it.tokenFor("agent", ["agent"], "support");
    const { series } = it.service.killSwitch.standing;
    await it.call("/v1/kill", { body: KILL });
    const report = (epoch: number) => ({ instance: "one", agent: "support", series, epoch });
    expect((await it.call("/v1/report", { token: agent, body: report(0) })).status).toBe(204);
    expect((await it.call("/v1/fleet")).body["instances"]).toMatchObject([{ state: "pending", mode: "stopped" }]);
    expect((await it.call("/v1/report", { token: agent, body: report(1) })).status).toBe(204);
    expect((await it.call("/v1/fleet")).body["instances"]).toMatchObject([{ state: "obeyed" }]);
    const foreign = await it.call("/v1/report", { token: agent, body: { ...report(1), series: "other" } });
    expect(foreign.status).toBe(409);
    const far = await it.call("/v1/report", { token: agent, body: report(10_002) });
    expect(far.status).toBe(400);
    expect(it.service.killSwitch.standing.epoch).toBe(1);
  });
});

describe("a target of alerts", () => {
  it("that hangs delays neither an order nor the push", async () => {
    const asked: (() => void)[] = [];
    const reached = new Promise<void>((resolve) => asked.push(resolve));
    const url = await serveTcp(() => {
      for (const tell of asked) tell();
    });
    const it = await startSwitch({ alerts: [{ webhook: `${url}/hook` }] });
    expect((await it.call("/v1/kill", { body: KILL })).status).toBe(200);
    await reached;
    expect((await it.call("/v1/kill", { body: { ...KILL, scope: "*" } })).status).toBe(200);
    expect((await it.call("/v1/release", { body: { ...KILL, scope: "*" } })).status).toBe(200);
    const { body } = await it.call("/v1/log?orders=1");
    expect(body["entries"]).toHaveLength(3);
  });

  it("that redirects is not followed, and the log says so", async () => {
    const elsewhere = await receiver();
    const hook = await receiver(answering(307, "", { location: `${elsewhere.url}/stolen` }));
    const it = await startSwitch({ alerts: [{ webhook: `${hook.url}/hook` }] });
    expect((await it.call("/v1/kill", { body: KILL })).status).toBe(200);
    await hook.after(1);
    await it.close();
    expect(elsewhere.received).toEqual([]);
    const again = await startSwitch({ dataFile: it.dataFile, admin: it.admin });
    const { body } = await again.call("/v1/log");
    const alerts = (body["entries"] as Record<string, unknown>[]).filter(({ kind }) => kind === "alert");
    expect(alerts.length).toBeGreaterThan(0);
    expect(alerts[0]).toMatchObject({ outcome: expect.not.stringMatching(/delivered|accepted/) as string });
  });
});
