import { describe, expect, it } from "vitest";
import { type Answered, type RunningSwitch, startSwitch } from "./support.ts";
import { follow, TestClock } from "./wire.ts";

/** What an order is answered when it is sent again, and when it cannot be written down. */

const BODY = { scope: "support", reason: "it refunds everyone" };

const keyed = (key: string) => ({ "idempotency-key": key });

async function modeOn(it: RunningSwitch, scope: string): Promise<unknown> {
  return (await it.call(`/v1/state?scope=${encodeURIComponent(scope)}`)).body["mode"];
}

async function orderEntries(it: RunningSwitch): Promise<Record<string, unknown>[]> {
  return (await it.call("/v1/log?orders=1")).body["entries"] as Record<string, unknown>[];
}

/** A disk that is full until `makeRoom`. */
async function fullSwitch(): Promise<{ it: RunningSwitch; makeRoom: () => void }> {
  const it = await startSwitch();
  const { database } = it.service.killSwitch.store;
  const limit = (pages: number): void => void database.exec(`PRAGMA max_page_count = ${pages}`);
  limit(1);
  let last: Answered;
  do last = await it.call("/v1/kill", { body: { scope: "filler", reason: "x".repeat(1_000) } });
  while (last.status === 200);
  expect(last.status).toBe(507);
  return { it, makeRoom: () => limit(1_000_000) };
}

describe("an Idempotency-Key", () => {
  it("gives an order once; a replay says so, with today's mode", async () => {
    const it = await startSwitch();
    const first = await it.call("/v1/kill", { body: BODY, headers: keyed("k1") });
    await it.call("/v1/release", { body: BODY });
    const again = await it.call("/v1/kill", { body: BODY, headers: keyed("k1") });
    expect(again.status).toBe(200);
    expect(again.body).toEqual({ ...first.body, mode: "running", replayed: true });
    expect(await orderEntries(it)).toHaveLength(2);
  });

  it("is refused for another request, another call included", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", { body: BODY, headers: keyed("k1") });
    const other = await it.call("/v1/kill", { body: { ...BODY, scope: "*" }, headers: keyed("k1") });
    expect(other.status).toBe(422);
    expect((await it.call("/v1/release", { body: BODY, headers: keyed("k1") })).status).toBe(422);
    expect(await modeOn(it, "other")).toBe("running");
    const long = await it.call("/v1/kill", { body: BODY, headers: keyed("k".repeat(201)) });
    expect(long.status).toBe(400);
  });

  it("belongs to a token, holds over a restart, and is over after 24 hours", async () => {
    const clock = new TestClock();
    const it = await startSwitch({ clock });
    const other = it.tokenFor("other", ["kill"]);
    await it.call("/v1/kill", { body: BODY, headers: keyed("k1") });
    const others = await it.call("/v1/kill", { token: other, body: BODY, headers: keyed("k1") });
    expect(others.body).toMatchObject({ epoch: 2 });
    expect(others.body).not.toHaveProperty("replayed");
    await it.close();
    clock.advance(24 * 3_600_000 - 1);
    const again = await startSwitch({ clock, dataFile: it.dataFile, admin: it.admin });
    const replayed = await again.call("/v1/kill", { body: BODY, headers: keyed("k1") });
    expect(replayed.body).toMatchObject({ epoch: 1, replayed: true });
    clock.advance(2);
    const anew = await again.call("/v1/kill", { body: BODY, headers: keyed("k1") });
    expect(anew.body).toMatchObject({ epoch: 3 });
  });
});

describe("where the disk is full", () => {
  it("a kill is pushed all the same and answered 507; a release is refused", async () => {
    const { it } = await fullSwitch();
    const stream = await follow(it.url, it.admin);
    await stream.next("state");
    const killed = await it.call("/v1/kill", { body: BODY });
    expect(killed).toMatchObject({ status: 507, body: { durable: false, mode: "stopped", scope: "support" } });
    expect((await stream.next("state")).data["epoch"]).toBe(killed.body["epoch"]);
    const released = await it.call("/v1/release", { body: BODY });
    expect(released.status).toBe(507);
    expect(released.body.error).toContain("nothing was released");
    expect(await modeOn(it, "support")).toBe("stopped");
    expect((await it.call("/healthz")).body).toEqual({ ok: true, durable: false });
    const statuses: number[] = [];
    while (statuses.at(-1) !== 507 && statuses.length < 100) {
      const body = { name: `more-${statuses.length}`, roles: ["read"] };
      statuses.push((await it.call("/v1/tokens", { body })).status);
    }
    expect(statuses.at(-1)).toBe(507);
  });

  it("a replay says that it is not durable, until it is", async () => {
    const { it, makeRoom } = await fullSwitch();
    const send = () => it.call("/v1/kill", { body: BODY, headers: keyed("k1") });
    const first = await send();
    expect(first).toMatchObject({ status: 507, body: { durable: false } });
    const { epoch } = first.body;
    expect(await send()).toMatchObject({ status: 507, body: { epoch, durable: false, replayed: true } });
    makeRoom();
    await it.call("/v1/kill", { body: { ...BODY, scope: "other" } });
    expect(await send()).toMatchObject({ status: 200, body: { epoch, durable: true, replayed: true } });
    const entries = await orderEntries(it);
    expect(entries.find((entry) => entry["epoch"] === epoch)).toMatchObject({ scope: "support", late: true });
    expect((await it.call("/healthz")).body).toEqual({ ok: true, durable: true });
  });

  it("an order that a restart lost is never taken for one that was given since", async () => {
    const { it } = await fullSwitch();
    const lost = await it.call("/v1/kill", { body: BODY });
    const etag = (await it.call("/v1/state")).headers.get("etag") ?? "";
    await it.close();
    const again = await startSwitch({ dataFile: it.dataFile, admin: it.admin });
    for (const scope of ["other", "another"]) {
      const given = await again.call("/v1/kill", { body: { ...BODY, scope } });
      expect(given.body["epoch"]).not.toBe(lost.body["epoch"]);
      const state = await again.call("/v1/state", { headers: { "if-none-match": etag } });
      expect(state).toMatchObject({ status: 200, body: { epoch: given.body["epoch"] } });
    }
  });
});
