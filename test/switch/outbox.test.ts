import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { describe, expect, it } from "vitest";
import type { News } from "../../src/alerts/news.ts";
import { Outbox, OUTBOX_SQL, type DeliveryNote, type OutboxOptions } from "../../src/switch/service/outbox.ts";
import { OUTBOX_TIMING, retryDelay } from "../../src/switch/service/outbox-timing.ts";
import type { Clock } from "../../src/values/clock.ts";
import { answering, newsOf, receiver, type Received } from "../alerts/support.ts";
import { afterThis, contextOf, nobody } from "../doors/servers.ts";

const QUICK = { firstRetryMs: 2, longestRetryMs: 4, slackGapMs: 0 };

async function dataFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-outbox-"));
  afterThis(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "switch.db");
}

function open(file: string): Database.Database {
  const database = new Database(file);
  database.exec(OUTBOX_SQL);
  return database;
}

interface Opened {
  outbox: Outbox;
  database: Database.Database;
  notes: DeliveryNote[];
  troubles: unknown[];
  /** The note that is the last of its delivery, when so many deliveries have ended. */
  ended: (count: number) => Promise<DeliveryNote>;
  /** When the first note was taken, or the first trouble told. */
  noted: () => Promise<void>;
  send: (news: Partial<News>) => void;
}

/** An outbox on a file, started; it ends with the test. */
function outboxOn(file: string, options: Pick<OutboxOptions, "routes"> & Partial<OutboxOptions>): Opened {
  const database = open(file);
  const notes: DeliveryNote[] = [];
  const troubles: unknown[] = [];
  const heard = new EventEmitter();
  const outbox = new Outbox({
    database,
    context: contextOf(),
    timing: QUICK,
    ...options,
    record: (note) => {
      options.record?.(note);
      notes.push(note);
      heard.emit("note");
    },
    trouble: (error) => {
      troubles.push(error);
      heard.emit("note");
    },
  });
  afterThis(async () => {
    await outbox.close();
    database.close();
  });
  async function until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await once(heard, "note");
    }
  }
  return {
    outbox,
    database,
    notes,
    troubles,
    ended: (count) => until(() => notes.filter(({ final }) => final)[count - 1]),
    noted: () => until(() => notes.length + troubles.length > 0 || undefined).then(() => undefined),
    send(news) {
      database.transaction(() => {
        outbox.enqueue(newsOf(news));
      })();
      outbox.wake();
    },
  };
}

/** Time that passes when the test says so. */
class SteppedClock implements Clock {
  ms = 0;
  readonly now = (): number => this.ms;
  readonly monotonic = (): number => this.ms;
}

const idsOf = (received: readonly Received[]) => received.map(({ headers }) => headers["webhook-id"]);

describe("the outbox", () => {
  it("delivers what was put in to every route, in order, and forgets it", async () => {
    const [one, two] = [await receiver(), await receiver()];
    const it = outboxOn(await dataFile(), { routes: [{ webhook: one.url }, { webhook: two.url }] });
    it.outbox.start();
    for (const id of ["a", "b", "c"]) it.send({ id });
    await it.ended(6);
    expect(idsOf(one.received)).toEqual(["a", "b", "c"]);
    expect(idsOf(two.received)).toEqual(["a", "b", "c"]);
    expect(it.outbox.pending()).toBe(0);
    expect(it.notes[0]).toEqual({
      route: expect.stringMatching(/^webhook 127\.0\.0\.1:\d+$/),
      newsId: "a",
      news: newsOf({ id: "a" }),
      outcome: "delivered",
      status: 200,
      attempts: 1,
      final: true,
    });
  });

  it("sends nothing of an order that was taken back", async () => {
    const { url, received } = await receiver();
    const it = outboxOn(await dataFile(), { routes: [{ webhook: url }] });
    it.outbox.start();
    const order = it.database.transaction(() => {
      it.outbox.enqueue(newsOf({ id: "never" }));
      throw new Error("the order cannot be written");
    });
    expect(order).toThrow("cannot be written");
    it.send({ id: "b" });
    await it.ended(1);
    expect(idsOf(received)).toEqual(["b"]);
  });

  it("tries again after an answer of trouble, with the same id, and notes the first failure and the end alone", async () => {
    const { url, received } = await receiver(answering(500), answering(503), answering(429), answering(200));
    const it = outboxOn(await dataFile(), { routes: [{ webhook: url }] });
    it.outbox.start();
    it.send({ id: "a" });
    it.send({ id: "b" });
    await it.ended(2);
    expect(idsOf(received)).toEqual(["a", "a", "a", "a", "b"]);
    expect(it.notes.map(({ newsId, outcome, attempts, final }) => ({ newsId, outcome, attempts, final }))).toEqual([
      { newsId: "a", outcome: "failed", attempts: 1, final: false },
      { newsId: "a", outcome: "delivered", attempts: 4, final: true },
      { newsId: "b", outcome: "delivered", attempts: 1, final: true },
    ]);
  });

  it("waits as long as the other side asks, up to its own longest wait", async () => {
    const times: number[] = [];
    const { url } = await receiver((response) => {
      const isFirst = times.push(performance.now()) === 1;
      answering(isFirst ? 429 : 200, "", { "retry-after": "0.2" })(response);
    });
    const timing = { ...QUICK, longestRetryMs: 1_000 };
    const it = outboxOn(await dataFile(), { routes: [{ webhook: url }], timing });
    it.outbox.start();
    it.send({ id: "a" });
    await it.ended(1);
    expect(times).toHaveLength(2);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(199);
  });

  it("tries again after its own longest wait where the other side asks for a day", async () => {
    const { url, received } = await receiver(answering(503, "", { "retry-after": "86400" }), answering(200));
    const it = outboxOn(await dataFile(), { routes: [{ webhook: url }] });
    it.outbox.start();
    it.send({ id: "a" });
    await it.ended(1);
    expect(idsOf(received)).toEqual(["a", "a"]);
  });

  it("lets news of other scopes pass what failed, and none of the same scope", async () => {
    const failing = new Set(["a"]);
    const { url, received } = await receiver((response, { headers }) =>
      answering(failing.has(String(headers["webhook-id"])) ? 500 : 200)(response),
    );
    const clock = new SteppedClock();
    const timing = { ...QUICK, firstRetryMs: 60_000, longestRetryMs: 60_000 };
    const it = outboxOn(await dataFile(), { routes: [{ webhook: url }], timing, clock });
    it.outbox.start();
    it.send({ id: "a", scope: "one" });
    it.send({ id: "b", scope: "one" });
    it.send({ id: "c", scope: "two" });
    it.send({ id: "d", scope: "*" });
    it.send({ id: "e", scope: "one", kind: "refused" });
    it.outbox.enqueueUnsaved(newsOf({ id: "f", scope: "three" }));
    it.outbox.enqueueUnsaved(newsOf({ id: "g", scope: "one" }));
    await it.ended(4);
    expect(idsOf(received)).toEqual(["a", "c", "d", "e", "f"]);
    failing.clear();
    clock.ms += 60_000;
    it.send({ id: "h", scope: "two" });
    await it.ended(8);
    // What was due first goes first, and what waits behind it is due since it was put in.
    expect(idsOf(received).slice(5)).toEqual(["a", "b", "g", "h"]);
  });

  it("has one delivery to a route under way at a time, however many scopes there are", async () => {
    let [underWay, most] = [0, 0];
    const { url, received } = await receiver((response) => {
      most = Math.max(most, ++underWay);
      setImmediate(() => {
        underWay--;
        answering(received.length % 3 === 0 ? 500 : 200)(response);
      });
    });
    const it = outboxOn(await dataFile(), { routes: [{ webhook: url }] });
    it.outbox.start();
    for (let count = 0; count < 20; count++) it.send({ id: `${count}`, scope: `scope-${count}` });
    await it.ended(20);
    expect(most).toBe(1);
  });

  it("takes a no for a no, and goes on with the next", async () => {
    const { url, received } = await receiver(answering(404), answering(200));
    const it = outboxOn(await dataFile(), { routes: [{ webhook: url }] });
    it.outbox.start();
    it.send({ id: "a" });
    it.send({ id: "b" });
    await it.ended(2);
    expect(idsOf(received)).toEqual(["a", "b"]);
    expect(it.notes.map(({ outcome, final }) => [outcome, final])).toEqual([
      ["failed", true],
      ["delivered", true],
    ]);
  });

  it("gives up when its time is over, and says so", async () => {
    const url = await nobody();
    const timing = { ...QUICK, giveUpAfterMs: 50 };
    const it = outboxOn(await dataFile(), { routes: [{ webhook: url }], timing });
    it.outbox.start();
    it.send({ id: "a" });
    const end = await it.ended(1);
    expect(end).toMatchObject({ outcome: "failed", why: "connection refused; given up after 50ms", final: true });
    expect(it.notes).toHaveLength(2);
    expect(it.outbox.pending()).toBe(0);
  });

  it("does not let a route that hangs hold up another, and keeps at most one message to it under way", async () => {
    const stuck = await receiver(() => undefined);
    const well = await receiver();
    const it = outboxOn(await dataFile(), {
      routes: [{ webhook: stuck.url }, { webhook: well.url }],
      timing: { ...QUICK, graceMs: 0 },
    });
    it.outbox.start();
    for (const id of ["a", "b", "c"]) it.send({ id });
    await it.ended(3);
    await stuck.after(1);
    expect(idsOf(well.received)).toEqual(["a", "b", "c"]);
    expect(idsOf(stuck.received)).toEqual(["a"]);
    await it.outbox.close();
    expect(it.outbox.pending()).toBe(3);
    expect(it.notes).toHaveLength(3);
  });

  it("sends after a restart what was left, in order and with the attempts so far", async () => {
    const file = await dataFile();
    const { url, received } = await receiver(answering(500), answering(200));
    const patient = { ...QUICK, firstRetryMs: 60_000, longestRetryMs: 60_000 };
    const first = outboxOn(file, { routes: [{ webhook: url }], timing: patient });
    first.outbox.start();
    first.send({ id: "a" });
    first.send({ id: "b" });
    await first.noted();
    await first.outbox.close();
    expect(first.outbox.pending()).toBe(2);
    const second = outboxOn(file, { routes: [{ webhook: url }] });
    second.outbox.start();
    await second.ended(2);
    expect(idsOf(received)).toEqual(["a", "a", "b"]);
    expect(second.notes.map(({ newsId, attempts }) => [newsId, attempts])).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
  });

  it("counts the time of earlier runs, and no clock that jumps", async () => {
    const file = await dataFile();
    const { url } = await receiver(answering(500));
    let ran = 0;
    const clock = { now: () => ran * 1_000_000, monotonic: () => ran };
    const timing = { ...QUICK, giveUpAfterMs: 1_000, firstRetryMs: 60_000, longestRetryMs: 60_000 };
    const first = outboxOn(file, { routes: [{ webhook: url }], timing, clock });
    ran = 5_000;
    first.send({ id: "a" });
    await first.outbox.close();
    ran = 0;
    const second = outboxOn(file, { routes: [{ webhook: url }], timing, clock });
    ran = 900;
    second.outbox.start();
    await second.noted();
    expect(second.notes[0]).toMatchObject({ final: false });
    await second.outbox.close();
    ran = 0;
    const third = outboxOn(file, { routes: [{ webhook: url }], timing, clock });
    ran = 200;
    third.outbox.start();
    expect(await third.ended(1)).toMatchObject({ why: "answered 500; given up after 1s", attempts: 2 });
  });

  it("sends again under the same id where the process ended between sending and noting", async () => {
    const file = await dataFile();
    const { url, received, after } = await receiver();
    const first = outboxOn(file, {
      routes: [{ webhook: url }],
      timing: { ...QUICK, firstRetryMs: 60_000, longestRetryMs: 60_000 },
      record: () => {
        throw new Error("killed here");
      },
    });
    first.outbox.start();
    first.send({ id: "a" });
    await after(1);
    await first.noted();
    await first.outbox.close();
    const second = outboxOn(file, { routes: [{ webhook: url }] });
    second.outbox.start();
    await second.ended(1);
    expect(idsOf(received)).toEqual(["a", "a"]);
  });

  it("does not send again because the log could not be written", async () => {
    const { url, received } = await receiver();
    let refusals = 3;
    const it = outboxOn(await dataFile(), {
      routes: [{ webhook: url }],
      record: () => {
        if (refusals-- > 0) throw new Error("database or disk is full");
      },
    });
    it.outbox.start();
    it.send({ id: "a" });
    it.send({ id: "b" });
    await it.ended(2);
    expect(idsOf(received)).toEqual(["a", "b"]);
    expect(it.troubles).toHaveLength(3);
  });

  it("goes on, on the same scope too, while the log cannot be written", async () => {
    const { url, after } = await receiver();
    const it = outboxOn(await dataFile(), {
      routes: [{ webhook: url }],
      timing: { ...QUICK, firstRetryMs: 60_000, longestRetryMs: 60_000 },
      record: () => {
        throw new Error("database or disk is full");
      },
    });
    it.outbox.start();
    for (const id of ["a", "b", "c"]) it.outbox.enqueueUnsaved(newsOf({ id }));
    it.outbox.wake();
    await after(3);
  });

  it("sends what could not be written to disk too, after what was there before and before what came later", async () => {
    const { url, received } = await receiver();
    const it = outboxOn(await dataFile(), { routes: [{ webhook: url }] });
    it.send({ id: "saved" });
    it.outbox.enqueueUnsaved(newsOf({ id: "unsaved" }));
    it.send({ id: "later" });
    it.outbox.start();
    await it.ended(3);
    expect(idsOf(received)).toEqual(["saved", "unsaved", "later"]);
    for (let count = 0; count < 101; count++) it.outbox.enqueueUnsaved(newsOf());
    expect(it.troubles).toEqual([expect.objectContaining({ message: expect.stringContaining("too much news") })]);
  });

  it("says of what is left for a route that is no longer configured that it failed", async () => {
    const file = await dataFile();
    const first = outboxOn(file, { routes: [{ slack: "https://hooks.slack.com/services/T0KEN" }] });
    first.send({ id: "a" });
    await first.outbox.close();
    const second = outboxOn(file, { routes: [] });
    second.outbox.start();
    expect(second.notes).toMatchObject([
      { route: "slack", newsId: "a", outcome: "failed", why: "the route is no longer configured", final: true },
    ]);
    expect(second.outbox.pending()).toBe(0);
  });

  it("leaves Slack its pause between two messages", async () => {
    const times: number[] = [];
    const { url } = await receiver((response) => {
      times.push(performance.now());
      response.end("ok");
    });
    const it = outboxOn(await dataFile(), { routes: [{ slack: url }], timing: { ...QUICK, slackGapMs: 1_000 } });
    it.outbox.start();
    for (const id of ["a", "b"]) it.send({ id });
    await it.ended(2);
    // Measured where they arrive: the first may have been on its way longer than the second.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(500);
  });

  it("keeps no secret on disk, in its notes or in what it says of them", async () => {
    const { url, received } = await receiver(answering(401, "bad token s3cr3t-t0ken"));
    const it = outboxOn(await dataFile(), {
      routes: [{ webhook: `${url}/\${TOKEN}` }],
      context: contextOf({ TOKEN: "s3cr3t-t0ken" }),
    });
    it.send({ id: "a" });
    expect(JSON.stringify(it.database.prepare("select * from outbox").all())).not.toContain("s3cr3t");
    it.outbox.start();
    await it.ended(1);
    expect(received[0]?.path).toBe("/s3cr3t-t0ken");
    expect(JSON.stringify(it.notes)).not.toContain("s3cr3t");
  });

  it("lets an attempt that is under way end before it closes", async () => {
    const { url, after } = await receiver((response) => setTimeout(() => response.end("ok"), 50));
    const it = outboxOn(await dataFile(), { routes: [{ webhook: url }] });
    it.outbox.start();
    it.send({ id: "a" });
    await after(1);
    await it.outbox.close();
    expect(it.notes).toMatchObject([{ outcome: "delivered", final: true }]);
    expect(it.outbox.pending()).toBe(0);
  });
});

describe("the wait before the next attempt", () => {
  const waits = (random: number) =>
    [1, 2, 3, 9, 10, 1_000].map((attempts) => retryDelay(attempts, undefined, OUTBOX_TIMING, random));

  it("doubles from a second to five minutes, of which half is left to chance", () => {
    expect(waits(1)).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
    expect(waits(0)).toEqual([500, 1_000, 2_000, 128_000, 150_000, 150_000]);
  });

  it("is no shorter than what the other side asked for", () => {
    expect(retryDelay(1, 30_000, OUTBOX_TIMING, 0)).toBe(30_000);
    expect(retryDelay(10, 1_000, OUTBOX_TIMING, 1)).toBe(300_000);
  });

  it("is never longer than five minutes, whatever the other side asked for", () => {
    expect(retryDelay(1, 86_400_000, OUTBOX_TIMING, 0)).toBe(300_000);
  });
});
