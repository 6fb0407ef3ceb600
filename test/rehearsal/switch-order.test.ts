import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SwitchLogEntry } from "../../src/evidence/facts.ts";
import { foreignEntry, type Order, ourEntry, snapshotOf } from "../../src/rehearsal/switch-order.ts";
import { gatheringFrom } from "../evidence/support.ts";

const { project } = gatheringFrom(
  "/nowhere",
  `version: 1
agent: { name: support }
killSwitch: { status: { url: "http://127.0.0.1:1", stopped: "" }, activate: { url: "http://127.0.0.1:1" } }
`,
);
const { killSwitch } = project.config;
if (!killSwitch || "provider" in killSwitch) throw new Error("not a foreign switch");
const order: Order = { project, killSwitch, scope: "drill/support", mark: "clawproof-abcdef", activator: "kim" };

const entry = (changes: Partial<SwitchLogEntry> = {}): SwitchLogEntry => ({
  at: 1,
  by: "dana",
  reason: "the office burns",
  scope: order.scope,
  ...changes,
});
const ours = (changes: Partial<SwitchLogEntry> = {}) =>
  entry({ by: "kim", reason: `${order.mark}: rehearsal`, ...changes });

describe("whose order is newest", () => {
  it("is ours by the mark, wherever it stands", () => {
    expect(ourEntry(order, [entry(), ours({ scope: null })], [])).toEqual(ours({ scope: null }));
    expect(foreignEntry(order, [ours(), ours({ at: 2 })], [])).toBeNull();
  });

  it("is ours by the activator alone where no reason is kept", () => {
    expect(ourEntry(order, [ours({ reason: null })], [])).not.toBeNull();
    expect(foreignEntry(order, [ours({ reason: "for real" })], [])).not.toBeNull();
  });

  it("is ours where one new entry names nobody, and nobody's where two do", () => {
    const nameless = entry({ by: null, reason: null });
    expect(foreignEntry(order, [nameless], [])).toBeNull();
    expect(foreignEntry(order, [nameless, nameless], [])).not.toBeNull();
    expect(foreignEntry(order, [ours(), nameless], [])).not.toBeNull();
  });

  it("is somebody else's only on exactly this scope, unless the whole switch was pulled", () => {
    const others = ["support", "drill/support/refund", "*", null].map((scope) => entry({ scope }));
    expect(foreignEntry(order, [ours(), ...others], [])).toBeNull();
    expect(foreignEntry({ ...order, scope: "whole" }, [ours(), ...others], [])).not.toBeNull();
  });

  it("counts entries that equal older ones to the letter", () => {
    const before = snapshotOf(order, [entry(), entry()]);
    expect(foreignEntry(order, [entry(), ours(), entry()], before)).toBeNull();
    expect(foreignEntry(order, [entry(), entry(), ours(), entry()], before)).not.toBeNull();
  });

  it("is told in any order of the log, with or without times, and where old entries fall out", () => {
    const entries = fc.array(
      fc.record({ at: fc.constantFrom(null, 1, 2), by: fc.constantFrom("a", "b"), reason: fc.string() }),
    );
    fc.assert(
      fc.property(entries, fc.boolean(), fc.boolean(), fc.nat(5), (olds, isForeign, newestFirst, dropped) => {
        const old = olds.map((one) => entry(one));
        const log = [...old.slice(dropped), ours(), ...(isForeign ? [entry({ at: 9, reason: "brand new" })] : [])];
        const said = foreignEntry(order, newestFirst ? log.reverse() : log, snapshotOf(order, old));
        return (said !== null) === isForeign;
      }),
    );
  });
});
