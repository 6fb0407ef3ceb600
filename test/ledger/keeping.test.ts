import { describe, expect, it } from "vitest";
import type { NewAction } from "../../src/ledger/record.ts";
import { anAction, claim, DIALECTS, entriesOf, opened, placeFor } from "./ledgers.ts";

const NOW = 1_000_000;

describe.each(DIALECTS)("retention in %s", (dialect) => {
  const place = placeFor(dialect);

  it("drops by age what can no longer be undone, and nothing else", async () => {
    let now = 10;
    const ledger = await opened(await place.fresh(), { now: () => now });
    const run = await ledger.startRun({ owner: "dana" });
    const record = async (
      trace_id: string,
      more: Partial<NewAction> = {},
      undone?: "undone" | "failed" | "conflict",
    ) => {
      const id = await ledger.begin(anAction({ trace_id, ...more }));
      await ledger.end(id, { status: trace_id === "refused" ? "refused" : "done" });
      if (undone === undefined) return id;
      await claim(ledger, [id], run.id);
      await ledger.turn(run.id, { ends: [{ id, status: undone }] });
      return id;
    };
    await record("refused");
    await record("undone", {}, "undone");
    await record("closed", { undo_until: NOW });
    await record("irreversible", { undo_class: "irreversible" });
    await record("read", { effect: "read" });
    const claimed = await record("claimed", { undo_until: 5, undo_class: "compensable" });
    await claim(ledger, [claimed], run.id);
    await record("reversible");
    await record("compensable", { undo_class: "compensable", undo_until: NOW + 1 });
    await record("unknown", { undo_class: "unknown" });
    await record("failed", {}, "failed");
    await record("conflict", {}, "conflict");
    await ledger.begin(anAction({ trace_id: "started" }));
    now = 20;
    await record("young", { undo_class: "irreversible" });
    now = NOW;
    expect(await ledger.dropBefore(20)).toBe(5);
    expect((await entriesOf(ledger)).map(({ record }) => record?.trace_id)).toEqual(
      ["claimed", "reversible", "compensable", "unknown", "failed", "conflict", "started", "young"].reverse(),
    );
    expect(await ledger.dropBefore(20)).toBe(0);
  });

  it("goes through more than a batch, past what stays", async () => {
    let now = 10;
    const ledger = await opened(await place.fresh(), { now: () => now });
    const many = (undo_class: NewAction["undo_class"]) =>
      Promise.all(Array.from({ length: 700 }, () => ledger.begin(anAction({ undo_class }))));
    await many("reversible");
    await many("irreversible");
    now = 20;
    expect(await ledger.dropBefore(20)).toBe(700);
    expect((await ledger.counts({})).map(({ undo_class, count }) => [undo_class, count])).toEqual([
      ["reversible", 700],
    ]);
  });
});
