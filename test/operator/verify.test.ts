import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LogEntry } from "../../src/operator/log.ts";
import { ChainReader } from "../../src/operator/verify.ts";
import { chain } from "../../src/values/hash-chain.ts";

/** A log as the switch would write it; one kind an entry. */
function logOf(kinds: readonly string[]): LogEntry[] {
  let previous = "";
  let epoch = 0;
  return kinds.map((kind, index) => {
    const order = ["kill", "release", "trip", "expired"].includes(kind) ? { epoch: ++epoch } : {};
    const at = new Date(1_700_000_000_000 + index).toISOString();
    const entry = chain({ seq: index + 1, at, kind, by: "kim", ...order }, previous) as LogEntry;
    previous = entry.hash;
    return entry;
  });
}

/** The number of the first broken entry, and what is wrong with it. */
function broken(log: readonly LogEntry[]): [number, string] | null {
  const reader = new ChainReader();
  for (const entry of log) {
    const why = reader.follow(entry);
    if (why !== null) return [entry.seq, why];
  }
  return null;
}

const KINDS = ["service-started", "kill", "alert", "release", "expired"];

describe("ChainReader", () => {
  test("follows a whole log, and knows its head", () => {
    const log = logOf(KINDS);
    const reader = new ChainReader();
    for (const entry of log) expect(reader.follow(entry)).toBeNull();
    expect(reader).toMatchObject({ entries: 5, epoch: 3, head: log[4]?.hash });
  });

  test("names the first entry that was changed", () => {
    const log = logOf(KINDS).map((entry) => (entry.seq === 2 ? { ...entry, by: "dana" } : entry));
    expect(broken(log)).toEqual([2, expect.stringContaining("was changed")]);
  });

  test("an entry that was changed together with its hash no longer holds the next", () => {
    const log = logOf(KINDS);
    const [first, second] = log;
    if (!first || !second) throw new Error("too short");
    const forged = chain({ ...second, by: "dana", hash: undefined, previous: undefined }, first.hash) as LogEntry;
    expect(broken(log.map((entry) => (entry.seq === 2 ? forged : entry)))).toEqual([
      3,
      expect.stringContaining("does not follow"),
    ]);
  });

  test("names gaps, entries that stand twice, and a beginning that is missing", () => {
    const log = logOf(KINDS);
    expect(broken(log.filter(({ seq }) => seq !== 3))).toEqual([4, expect.stringContaining("3 is next")]);
    expect(broken(log.slice(1))).toEqual([2, expect.stringContaining("1 is next")]);
    expect(broken([...log.slice(0, 2), ...log.slice(1)])).toEqual([2, expect.stringContaining("stands twice")]);
  });

  test("epochs only grow, whatever the hashes say", () => {
    const first = chain({ seq: 1, at: "", kind: "kill", epoch: 2 }, "") as LogEntry;
    const again = chain({ seq: 2, at: "", kind: "release", epoch: 2 }, first.hash) as LogEntry;
    expect(broken([first, again])).toEqual([2, expect.stringContaining("epochs only grow")]);
    const without = chain({ seq: 2, at: "", kind: "release" }, first.hash) as LogEntry;
    expect(broken([first, without])).toEqual([2, expect.stringContaining("epochs only grow")]);
  });

  test("what has no canonical form was never written", () => {
    const entry: LogEntry = { seq: 1, at: "", kind: "alert", by: "\ud800", previous: "", hash: "x" };
    expect(broken([entry])).toEqual([1, expect.stringContaining("was changed")]);
  });

  test("no change of one entry goes unseen, but for cutting off the end", () => {
    const kinds = fc.array(fc.constantFrom(...KINDS), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(kinds, fc.nat(), fc.constantFrom("by", "at", "kind", "previous", "hash"), (all, pick, member) => {
        const log = logOf(all);
        const at = pick % log.length;
        const changed = log.map((entry, index) => (index === at ? { ...entry, [member]: "else" } : entry));
        return broken(changed) !== null && broken(log.slice(0, at)) === null;
      }),
    );
  });
});
