import { describe, expect, it } from "vitest";
import { cellKey, differenceOf, type Row } from "../../src/rollback/sql/image.ts";

const image = (row: Row): Map<string, Row> => new Map([["r", row]]);
const NONE = new Set<string>();

describe("an action held against what is there now", () => {
  it("looks only at what the action changed", () => {
    const found = differenceOf(image({ a: "1", b: "1" }), image({ a: "2", b: "1" }), image({ a: "2", b: "9" }), NONE);
    expect(found).toMatchObject({ ours: [{ kind: "update", row: "r", columns: ["a"] }], foreign: [] });
  });

  it("tells NULL from text, and text from text that looks like it", () => {
    for (const [was, became] of [
      [null, "NULL"],
      ["a", "A"],
      ["5", "5.0"],
    ] as const) {
      expect(differenceOf(image({ a: was }), image({ a: became }), image({ a: became }), NONE).ours).toHaveLength(1);
      expect(differenceOf(image({ a: "x" }), image({ a: became }), image({ a: was }), NONE).foreign).toHaveLength(1);
    }
  });

  it("takes for somebody else's what was put back from a newer action, though it is what an older one left", () => {
    const newer = differenceOf(image({ a: "2" }), image({ a: "3" }), image({ a: "2" }), NONE);
    expect(newer).toMatchObject({ ours: [], foreign: [], back: [cellKey("r", "a")] });
    const older = differenceOf(image({ a: "1" }), image({ a: "2" }), image({ a: "2" }), NONE, new Set(newer.back));
    expect(older).toMatchObject({
      ours: [],
      foreign: [{ words: "a was put back to 2 by somebody, or by a newer action that stays" }],
    });
  });

  it("takes for somebody else's all that an action in conflict changed, because it stays", () => {
    const now = image({ a: "2", b: "9" });
    const newer = differenceOf(image({ a: null, b: "1" }), image({ a: "2", b: "2" }), now, NONE);
    expect(newer).toMatchObject({ ours: [{ columns: ["a"] }], foreign: [{ column: "b" }] });
    // The older one left the same in a, and what it would put back lies under the newer one.
    const older = differenceOf(image({ a: "1" }), image({ a: "2" }), now, NONE, new Set(newer.back));
    expect(older).toMatchObject({ ours: [], foreign: [{ column: "a" }] });
  });

  it("takes all of a row that somebody put in its place for theirs", () => {
    const now = image({ a: "2", b: "8" });
    const newer = differenceOf(image({ a: "2", b: "7" }), image(null), now, NONE);
    expect(newer).toMatchObject({ ours: [], foreign: [{ column: null }] });
    const older = differenceOf(image({ a: "1", b: "7" }), image({ a: "2", b: "7" }), now, NONE, new Set(newer.back));
    expect(older.ours).toEqual([]);
    expect(older.foreign).toHaveLength(1);
  });

  it("deletes no row in which anything is somebody's", () => {
    const made = image({ a: "1", b: null });
    expect(differenceOf(image(null), made, made, NONE).ours).toEqual([{ kind: "delete", row: "r" }]);
    expect(differenceOf(image(null), made, image({ a: "1", b: "x" }), NONE).ours).toEqual([]);
    expect(differenceOf(image(null), made, image({ a: "1", b: null, c: "new" }), NONE).ours).toEqual([]);
    expect(differenceOf(image(null), made, image({ a: "1", b: null, c: null }), NONE).ours).toHaveLength(1);
  });
});
