import { describe, expect, it } from "vitest";
import { quoteName } from "../../src/databases/identifiers.ts";
import { openDatabase } from "../../src/databases/open.ts";
import { readLedger } from "../../src/ledger/open.ts";
import { NO_SECRETS } from "../databases/opening.ts";
import { afterThisTest } from "../support/ending.ts";
import { anAction, byHand, DIALECTS, entriesOf, idsOf, opened, placeFor } from "./ledgers.ts";

describe.each(DIALECTS)("reading in %s", (dialect) => {
  const place = placeFor(dialect);

  it("finds by trace, window, type, target, subject, agent, version and drill, newest first", async () => {
    let now = 0;
    const ledger = await opened(await place.fresh(), { now: () => now });
    const begun: string[] = [];
    for (const more of [
      { trace_id: "a", target: "x/1" },
      { trace_id: "b", target: "x/2%", type: "email_send" },
      { trace_id: "a", target: "X/1", subject: "c/1", version: "3" },
      { trace_id: "c", target: "x/[1]", agent: "other" },
      { trace_id: "c", target: null, drill: true, effect: "read" as const },
    ]) {
      now += 10;
      begun.push(await ledger.begin(anAction(more)));
    }
    const found = async (filter: Parameters<typeof idsOf>[1]) =>
      (await idsOf(ledger, filter)).map((id) => begun.indexOf(id));
    expect(await found({})).toEqual([4, 3, 2, 1, 0]);
    expect(await found({ traces: ["a"] })).toEqual([2, 0]);
    expect(await found({ traces: ["a", "b"], types: ["email_send"] })).toEqual([1]);
    expect(await found({ traces: [] })).toEqual([]);
    expect(await found({ since: 20, until: 40 })).toEqual([2, 1]);
    expect(await found({ targets: ["x/*"] })).toEqual([3, 1, 0]);
    expect(await found({ targets: ["x/?"] })).toEqual([0]);
    expect(await found({ targets: ["x/2%"] })).toEqual([1]);
    expect(await found({ targets: ["x/[1*"] })).toEqual([3]);
    expect(await found({ targets: ["x/1%*", "X*"] })).toEqual([2]);
    expect(await found({ subjects: ["c/1"] })).toEqual([2]);
    expect(await found({ agent: "support", version: "3" })).toEqual([2]);
    expect(await found({ drill: true })).toEqual([4]);
    expect(await found({ drill: false, effect: "write" })).toEqual([3, 2, 1, 0]);
    expect(await found({ ids: [begun[1] ?? "", "nobody"] })).toEqual([1]);
    expect(await idsOf(ledger, {}, 2)).toHaveLength(2);
  });

  it("comes page by page, also where many began in the same millisecond", async () => {
    const ledger = await opened(await place.fresh(), { now: () => 5 });
    const ids = await Promise.all(Array.from({ length: 1_201 }, () => ledger.begin(anAction())));
    expect(await idsOf(ledger)).toEqual([...ids].reverse());
    expect(await idsOf(ledger, { traces: ["friday"] }, 700)).toEqual([...ids].reverse().slice(0, 700));
  });

  it("finds no more than what was asked for: text that differs in its last spaces, or its case, is another", async () => {
    const ledger = await opened(await place.fresh());
    for (const text of ["a", "a ", "A", "a%"]) {
      await ledger.begin(anAction({ trace_id: text, target: text, subject: text }));
    }
    for (const filter of [
      { traces: ["a"] },
      { targets: ["a"] },
      { subjects: ["a"] },
      { targets: ["a"], traces: ["a", "b"] },
    ]) {
      expect((await entriesOf(ledger, filter)).map(({ record }) => record?.trace_id)).toEqual(["a"]);
    }
    expect(await idsOf(ledger, { subjects: ["a%", "a "] })).toHaveLength(2);
  });

  it("gives a row that was damaged by hand as damaged, and all others", async () => {
    const url = await place.fresh();
    const ledger = await opened(url);
    const [whole, broken] = [await ledger.begin(anAction()), await ledger.begin(anAction({ before: { a: 1 } }))];
    const named = (name: string) => quoteName(dialect, name);
    await byHand(
      url,
      `update clawproof_actions set ${named("before")} = '{"a": ', status = 'so-so', ${named("undo")} = '7' where id = '${broken}'`,
    );
    const [first, second] = await entriesOf(ledger);
    expect(first?.damaged?.why).toBe('status is "so-so", which it cannot be; before is not JSON; undo names no form');
    expect(first?.damaged).toMatchObject({ id: broken, row: { trace_id: "friday", before: '{"a": ' } });
    expect(second?.record?.id).toBe(whole);
  });

  it("counts by type and class, and knows its own range and the nearest trace", async () => {
    let now = 7;
    const ledger = await opened(await place.fresh(), { now: () => now });
    expect(await ledger.range()).toEqual({ first: null, last: null });
    expect(await ledger.nearestTrace("x")).toBeNull();
    await ledger.begin(anAction({ trace_id: "4bf92f35" }));
    await ledger.begin(anAction({ trace_id: "4bf93000" }));
    now = 9;
    await ledger.end(await ledger.begin(anAction({ trace_id: "7a", type: "email_send" })), { status: "done" });
    expect(await ledger.range()).toEqual({ first: 7, last: 9 });
    expect(await ledger.nearestTrace("4bf92f36")).toBe("4bf92f35");
    expect(await ledger.nearestTrace("4bf9300")).toBe("4bf93000");
    expect(await ledger.nearestTrace("zz")).toBe("7a");
    const common = { undo_class: "reversible", undo_status: "none" };
    expect(await ledger.counts({})).toEqual([
      { ...common, type: "email_send", status: "done", count: 1 },
      { ...common, type: "subscription_update", status: "started", count: 2 },
    ]);
  });

  it("is read as well through a connection that cannot write", async () => {
    const url = await place.fresh();
    const ledger = await opened(url);
    const id = await ledger.begin(anAction({ before: { a: 1 }, epoch: 3 }));
    await ledger.putHandler({ agent: "support", version: null, type: "t", undo: { command: ["x"] } });
    const database = await openDatabase(url, {
      mode: "read-only",
      statementTimeoutMs: 10_000,
      directory: "/",
      secrets: NO_SECRETS,
    });
    afterThisTest(() => database.close());
    const reading = await readLedger(database);
    expect(await entriesOf(reading)).toEqual(await entriesOf(ledger));
    expect(await idsOf(reading, { traces: ["friday"] })).toEqual([id]);
    expect(await reading.handlers()).toHaveLength(1);
    expect(await reading.counts({})).toEqual(await ledger.counts({}));
  });
});
