import { describe, expect, it } from "vitest";
import { openWriter } from "../../src/databases/writing/open.ts";
import type { Claim, Ledger } from "../../src/ledger/ledger.ts";
import { anAction, byHand, claim, DIALECTS, entriesOf, opened, placeFor, whyOf } from "./ledgers.ts";
import { afterThisTest } from "../support/ending.ts";

const begun = (ledger: Ledger, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => ledger.begin(anAction())));
const gotBy = (claims: Map<string, Claim>): string[] =>
  [...claims].flatMap(([id, { claimed }]) => (claimed ? [id] : [])).sort();

describe.each(DIALECTS)("claims in %s", (dialect) => {
  const place = placeFor(dialect);

  it("gives a step to one run, and ends it only for that one", async () => {
    const ledger = await opened(await place.fresh());
    const ids = await begun(ledger, 3);
    const [mine, other] = [
      await ledger.startRun({ owner: "dana", plan: "abc" }),
      await ledger.startRun({ owner: "eve" }),
    ];
    expect(mine).toMatchObject({ owner: "dana", plan: "abc", ended_at: null });
    expect(gotBy(await claim(ledger, ids.slice(0, 2), mine.id))).toEqual(ids.slice(0, 2));

    const claims = await claim(ledger, [...ids.slice(1), "nobody"], other.id);
    expect(claims.get(ids[1] ?? "")).toMatchObject({ claimed: false, status: "undoing", heldBy: { owner: "dana" } });
    expect(claims.get(ids[2] ?? "")).toEqual({ claimed: true, resumed: false, takenFrom: null });
    expect(claims.get("nobody")).toEqual({ claimed: false, status: null, heldBy: null });

    const ends = ids.map((id, index) =>
      index === 0 ? ({ id, status: "undone" } as const) : ({ id, status: "failed", error: "it said no" } as const),
    );
    await ledger.turn(mine.id, { ends });
    const byId = new Map((await entriesOf(ledger)).map(({ record }) => [record?.id, record]));
    expect(byId.get(ids[0])).toMatchObject({ undo_status: "undone", undo_error: null, undo_run: mine.id });
    expect(byId.get(ids[0])?.undone_at).toBeGreaterThanOrEqual(mine.started_at);
    expect(byId.get(ids[1])).toMatchObject({ undo_status: "failed", undo_error: "it said no", undone_at: null });
    expect(byId.get(ids[2])).toMatchObject({ undo_status: "undoing", undo_run: other.id });
    // Ended already: a second word about it comes too late.
    const ended = await entriesOf(ledger);
    await ledger.turn(mine.id, { ends: ids.map((id) => ({ id, status: "unknown" })) });
    expect(await entriesOf(ledger)).toEqual(ended);
  });

  it("takes more steps at once than a statement takes values", async () => {
    const ledger = await opened(await place.fresh());
    const run = await ledger.startRun({ owner: "dana" });
    const ids = await begun(ledger, 3);
    const many = Array.from({ length: 40_000 }, (_, index) => `nobody${index}`);
    const wanted = [ids[0], ...many.slice(0, 20_000), ids[1], ...many.slice(20_000), ids[2]].map(String);
    const claims = await claim(ledger, wanted, run.id);
    expect(gotBy(claims)).toEqual(ids);
    expect(claims.get("nobody39999")).toMatchObject({ claimed: false, status: null });
    await ledger.turn(run.id, { ends: wanted.map((id) => ({ id, status: "undone" })) });
    expect((await entriesOf(ledger)).map(({ record }) => record?.undo_status)).toEqual(["undone", "undone", "undone"]);
  });

  it("begins from what may be begun again, and from nothing else", async () => {
    const ledger = await opened(await place.fresh());
    const run = await ledger.startRun({ owner: "dana" });
    const statuses = ["undone", "unverified", "conflict", "failed", "unknown", "none"] as const;
    const ids = await begun(ledger, statuses.length);
    await claim(ledger, ids, run.id);
    await ledger.turn(run.id, { ends: ids.map((id, index) => ({ id, status: statuses[index] ?? "none" })) });
    const again = await ledger.startRun({ owner: "dana" });
    expect(gotBy(await claim(ledger, ids, again.id))).toEqual([ids[2], ids[3], ids[5]]);
    expect(gotBy(await claim(ledger, ids, again.id, ["unknown"]))).toEqual([ids[2], ids[3], ids[4], ids[5]]);
  });

  it.each([
    [
      "is not heard any more",
      (id: string) => `update clawproof_runs set heartbeat = heartbeat - 31000 where id = '${id}'`,
    ],
    ["has no row any more", (id: string) => `delete from clawproof_runs where id = '${id}'`],
  ])("takes over from a run that %s", async (_, kill) => {
    const url = await place.fresh();
    const ledger = await opened(url);
    const ids = await begun(ledger, 2);
    const [dead, next] = [await ledger.startRun({ owner: "dana" }), await ledger.startRun({ owner: "eve" })];
    await claim(ledger, ids, dead.id);
    await byHand(url, kill(dead.id));
    expect((await claim(ledger, ids, next.id)).get(ids[0] ?? "")).toEqual({
      claimed: true,
      resumed: true,
      takenFrom: dead.id,
    });
    expect(await ledger.heartbeat(dead.id)).toBe(false);
    await ledger.turn(dead.id, { ends: ids.map((id) => ({ id, status: "undone" })) });
    const held = { undo_status: "undoing", undo_run: next.id };
    for (const { record } of await entriesOf(ledger)) expect(record).toMatchObject(held);
  });

  it("takes over from a run that ended, which itself claims no more", async () => {
    const ledger = await opened(await place.fresh());
    const ids = await begun(ledger, 1);
    const [ended, next] = [await ledger.startRun({ owner: "dana" }), await ledger.startRun({ owner: "eve" })];
    await claim(ledger, ids, ended.id);
    expect(await ledger.heartbeat(ended.id)).toBe(true);
    await ledger.endRun(ended.id);
    expect(await whyOf(claim(ledger, ids, ended.id))).toMatch(/^the run .* is not known, or has ended$/);
    expect(gotBy(await claim(ledger, ids, next.id))).toEqual(ids);
    expect((await ledger.runs()).map(({ ended_at }) => ended_at === null)).toEqual([false, true]);
  });

  it("answers a turn with the rows it claimed, and names the one that was damaged by hand", async () => {
    const url = await place.fresh();
    const ledger = await opened(url);
    const [good = "", bad = "", held = ""] = await begun(ledger, 3);
    const [set, why] =
      dialect === "sqlite"
        ? ["residue = x'00ff'", "residue is not text"]
        : ["effect = 'odd'", 'effect is "odd", which it cannot be'];
    const [run, other] = [await ledger.startRun({ owner: "dana" }), await ledger.startRun({ owner: "eve" })];
    await byHand(url, `update clawproof_actions set ${set} where id = '${bad}'`);
    await claim(ledger, [held], other.id);
    const { entries } = await ledger.turn(run.id, { wanted: [{ ids: [good, bad, held], from: ["none"] }] });
    expect([...entries.keys()].sort()).toEqual([good, bad].sort());
    expect(entries.get(good)?.record).toMatchObject({ id: good, undo_status: "undoing", undo_run: run.id });
    expect(entries.get(bad)?.damaged?.why).toBe(why);
  });

  it("never gives a step to two of many runs that ask at once", async () => {
    const url = await place.fresh();
    const ledger = await opened(url);
    const ids = await begun(ledger, 40);
    const claimants = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const own = await opened(url);
        return { own, run: await own.startRun({ owner: "somebody" }) };
      }),
    );
    const got = await Promise.all(
      claimants.map(async ({ own, run }, index) => {
        const order = index % 2 === 0 ? ids : [...ids].reverse();
        const mine: string[] = [];
        for (let at = 0; at < order.length; at += 8)
          mine.push(...gotBy(await claim(own, order.slice(at, at + 8), run.id)));
        return mine;
      }),
    );
    expect(got.flat().sort()).toEqual([...ids].sort());
  });
});

const WAITING = {
  postgres: "select pid from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0",
  mysql: "select trx_id from information_schema.innodb_trx where trx_state = 'LOCK WAIT'",
};

describe.each(["postgres", "mysql"] as const)("a turn in %s", (dialect) => {
  const place = placeFor(dialect);

  it("is taken again where the server ended it because it and another waited for each other", async () => {
    const url = await place.fresh();
    const ledger = await opened(url);
    const run = await ledger.startRun({ owner: "dana" });
    const ids = await begun(ledger, 2);
    const [first = "", second = ""] = [...ids].sort();
    const other = await openWriter(url, { timeoutMs: 20_000, create: false });
    afterThisTest(() => other.close());
    // The server ends the one that has waited longest (PostgreSQL) or has changed less (MariaDB).
    if (dialect === "postgres") await other.run("set deadlock_timeout = '1min'");
    const change = (id: string): string => `update clawproof_actions set residue = 'x' where id = '${id}'`;
    const turning = await other.transaction(async (inside) => {
      await inside(change(second));
      const claims = claim(ledger, ids, run.id);
      await expect.poll(() => byHand(url, WAITING[dialect]), { timeout: 10_000 }).not.toEqual([]);
      await inside(change(first));
      return { claims };
    });
    expect(gotBy(await turning.claims)).toEqual([first, second]);
  });
});
