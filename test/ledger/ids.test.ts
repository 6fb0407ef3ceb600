import fc from "fast-check";
import { expect, it } from "vitest";
import { idMaker } from "../../src/ledger/ids.ts";

it("grows with every id, whatever the clock does, and says the time that it stands for", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 45 }), { minLength: 1, maxLength: 50 }), (times) => {
      let at = 0;
      const next = idMaker(() => times[at++] ?? 0);
      const stamps = times.map(() => next());
      const ids = stamps.map(({ id }) => id);
      expect([...ids].sort()).toEqual(ids);
      expect(new Set(ids).size).toBe(ids.length);
      for (const [index, stamp] of stamps.entries()) {
        expect(stamp.id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
        expect(stamp.at).toBeGreaterThanOrEqual(times[index] ?? 0);
      }
    }),
  );
});

it("is unlike that of another maker at the same moment", () => {
  const [one, other] = [idMaker(() => 5), idMaker(() => 5)];
  const ids = Array.from({ length: 2_000 }, () => [one().id, other().id]).flat();
  expect(new Set(ids).size).toBe(ids.length);
});
