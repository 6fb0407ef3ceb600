import { EventEmitter, once } from "node:events";
import { connect } from "node:net";
import { createEventSource } from "eventsource-client";
import { describe, expect, it, onTestFinished } from "vitest";
import { type RunningSwitch, startSwitch } from "./support.ts";
import { follow, send, TestClock } from "./wire.ts";

/** Event streams: what is pushed when, and to whom no longer. */

const KILL = { scope: "support", reason: "it refunds everyone" };

/** A state of a few hundred KiB: every order of it is pushed whole. */
async function manyOrders(it: RunningSwitch, count: number): Promise<void> {
  for (let index = 0; index < count; index++)
    await it.call("/v1/kill", { body: { scope: `agent-${index}`, reason: "x".repeat(1_000) } });
}

/** Connects, asks for the events, and never reads what comes. */
async function deaf({ url, admin }: RunningSwitch): Promise<void> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.pause();
  socket.write(`GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${admin}\r\n\r\n`);
}

describe("a stream of events", () => {
  it("begins with the whole state, at once", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", { body: KILL });
    const stream = await follow(it.url, it.admin);
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    const { event, id, data } = await stream.next();
    const { series } = it.service.killSwitch.standing;
    expect(event).toBe("state");
    expect(id).toBe(`${series}.1`);
    const { body } = await it.call("/v1/state");
    expect({ ...data, sentAt: 0 }).toEqual({ ...body, sentAt: 0 });
    expect(body).toMatchObject({ series, epoch: 1, leaseSeconds: 15, orders: [{ ...KILL, mode: "stopped" }] });
  });

  it("has every order, whoever gave it, before or after its answer, in the order of their epochs", async () => {
    const it = await startSwitch();
    const reader = await follow(it.url, it.tokenFor("reader", ["read"]));
    const agent = await follow(it.url, it.tokenFor("agent", ["agent"], "support"));
    await it.call("/v1/kill", { body: KILL });
    await it.call("/v1/kill", { body: { ...KILL, scope: "*" } });
    await it.call("/v1/release", { body: KILL });
    for (const stream of [reader, agent]) {
      const epochs: unknown[] = [];
      while (epochs.at(-1) !== 3) epochs.push((await stream.next("state")).data["epoch"]);
      expect(epochs).toEqual([0, 1, 2, 3]);
    }
  });

  it("beats every second with a time of sending that grows, and the run's name", async () => {
    const it = await startSwitch();
    const stream = await follow(it.url, it.admin);
    const state = (await stream.next("state")).data;
    const [one, two] = [(await stream.next("beat")).data, (await stream.next("beat")).data];
    const { series, epoch, boot } = state;
    expect(one).toEqual({ series, epoch, boot, sentAt: expect.any(Number) as number });
    expect(Number(one["sentAt"])).toBeGreaterThanOrEqual(Number(state["sentAt"]));
    const between = Number(two["sentAt"]) - Number(one["sentAt"]);
    expect(between).toBeGreaterThan(500);
    expect(it.service.events.size).toBe(1);
    stream.close();
  });

  it("is resumed by a real client, which then has the state first again", async () => {
    const it = await startSwitch();
    const asked: (string | undefined)[] = [];
    const epochs: unknown[] = [];
    const heard = new EventEmitter();
    const source = createEventSource({
      url: `${it.url}/v1/events`,
      headers: { authorization: `Bearer ${it.admin}` },
      fetch: (url, init) => {
        asked.push((init?.headers as Record<string, string>)["Last-Event-ID"]);
        return fetch(url, init);
      },
      onMessage: ({ event, data }) => {
        if (event !== "state") return;
        epochs.push((JSON.parse(data) as { epoch: number }).epoch);
        heard.emit("state");
      },
      onDisconnect: () => source.connect(),
    });
    onTestFinished(() => source.close());
    const states = async (count: number): Promise<void> => {
      while (epochs.length < count) await once(heard, "state");
    };
    await states(1);
    await it.call("/v1/kill", { body: KILL });
    await states(2);
    it.service.events.close();
    await states(3);
    await it.call("/v1/kill", { body: KILL });
    await states(4);
    expect(epochs).toEqual([0, 1, 1, 2]);
    expect(asked).toEqual([undefined, `${it.service.killSwitch.standing.series}.1`]);
  });
});

describe("a stream ends", () => {
  it("at once where its token is revoked, and no other does", async () => {
    const it = await startSwitch();
    const token = it.tokenFor("reader", ["read"]);
    const [gone, stays] = [await follow(it.url, token), await follow(it.url, it.admin)];
    await Promise.all([gone.next("state"), stays.next("state")]);
    await it.call("/v1/tokens/reader", { method: "DELETE" });
    await gone.ended;
    await it.call("/v1/kill", { body: KILL });
    expect((await stays.next("state")).data["epoch"]).toBe(1);
    expect((await follow(it.url, token)).status).toBe(401);
  });

  it("within a beat where its token expires", async () => {
    const clock = new TestClock();
    const it = await startSwitch({ clock });
    const added = await it.call("/v1/tokens", { body: { name: "short", roles: ["read"], expiresInSeconds: 60 } });
    const stream = await follow(it.url, String(added.body["token"]));
    await stream.next("state");
    await stream.next("beat");
    clock.advance(60_000);
    await stream.ended;
    await expect(stream.next("state")).rejects.toThrow("ended");
  });

  it("within a beat where it was opened by the page, and its person signs out", async () => {
    const it = await startSwitch();
    const page = { origin: it.url, "content-type": "application/json" };
    const body = JSON.stringify({ token: it.admin });
    const signedIn = await send(`${it.url}/session`, { method: "POST", headers: page, body });
    const cookie = String(signedIn.headers["set-cookie"]).split(";", 1)[0] ?? "";
    const stream = await follow(it.url, null, { headers: { cookie } });
    await stream.next("beat");
    await send(`${it.url}/session`, { method: "DELETE", headers: { ...page, cookie } });
    await stream.ended;
  });

  it("where its client does not read, and the others have every order", async () => {
    const it = await startSwitch({ dataFileOptions: { synchronous: "OFF" } });
    await manyOrders(it, 150);
    await deaf(it);
    const reader = await follow(it.url, it.admin);
    await reader.next("state");
    expect(it.service.events.size).toBe(2);
    let last: unknown = 0;
    for (let tries = 0; it.service.events.size > 1 && tries < 300; tries++)
      last = (await it.call("/v1/kill", { body: KILL })).body["epoch"];
    expect(it.service.events.size).toBe(1);
    for (;;) if ((await reader.next("state")).data["epoch"] === last) break;
  });

  it("not because there are many orders: the state may be large", async () => {
    const it = await startSwitch({ dataFileOptions: { synchronous: "OFF" } });
    const { killSwitch } = it.service;
    const caller = { tokenId: "t", name: "kim", roles: ["kill" as const], agent: null, from: "127.0.0.1" };
    for (let index = 0; index < 1_500; index++)
      killSwitch.kill({ scope: `agent-${index}`, reason: "停".repeat(1_000) }, { caller });
    const stream = await follow(it.url, it.admin);
    expect((await stream.next("state")).data["orders"]).toHaveLength(1_500);
    await it.call("/v1/kill", { body: KILL });
    expect((await stream.next("state")).data["orders"]).toHaveLength(1_501);
  });
});

describe("/v1/events", () => {
  it("needs a sign-in", async () => {
    const it = await startSwitch();
    const answer = await send(`${it.url}/v1/events`);
    expect(answer).toMatchObject({ status: 401, headers: { "content-type": "application/json" } });
    expect(JSON.parse(answer.text)).toEqual({ error: expect.stringContaining("Bearer") as string });
  });

  it.for(["HEAD", "POST", "DELETE"])("answers %s with its end, and follows nothing", async (method) => {
    const it = await startSwitch();
    const { status } = await send(`${it.url}/v1/events`, { method, headers: { authorization: `Bearer ${it.admin}` } });
    expect(status).toBe(404);
    expect(it.service.events.size).toBe(0);
  });
});
