import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { approximatePods, surgePods } from "../../../src/evidence/manifests/argo-pods.ts";

describe("approximatePods", () => {
  /** The cases of argo-rollouts utils/replicaset/canary_test.go: replicas, weight, surge, pods of the new version and of the old. */
  test.each([
    [0, 0, 0, 0, 0],
    [0, 50, 1, 0, 0],
    [0, 100, 1, 0, 0],
    [1, 0, 0, 0, 1],
    [1, 1, 0, 0, 1],
    [1, 49, 0, 0, 1],
    [1, 50, 0, 1, 0],
    [1, 99, 0, 1, 0],
    [1, 100, 0, 1, 0],
    [1, 0, 1, 0, 1],
    [1, 1, 1, 1, 1],
    [1, 49, 1, 1, 1],
    [1, 50, 1, 1, 1],
    [1, 99, 1, 1, 1],
    [1, 100, 1, 1, 0],
    [2, 0, 0, 0, 2],
    [2, 1, 0, 1, 1],
    [2, 50, 0, 1, 1],
    [2, 99, 0, 1, 1],
    [2, 100, 0, 2, 0],
    [2, 0, 1, 0, 2],
    [2, 1, 1, 1, 2],
    [2, 50, 1, 1, 1],
    [2, 99, 1, 2, 1],
    [2, 100, 1, 2, 0],
    [3, 10, 0, 1, 2],
    [3, 25, 0, 1, 2],
    [3, 33, 0, 1, 2],
    [3, 34, 0, 1, 2],
    [3, 49, 0, 1, 2],
    [3, 50, 0, 2, 1],
    [3, 10, 1, 1, 3],
    [3, 25, 1, 1, 3],
    [3, 33, 1, 1, 2],
    [3, 34, 1, 1, 2],
    [3, 49, 1, 2, 2],
    [3, 50, 1, 2, 2],
    [10, 0, 1, 0, 10],
    [10, 1, 0, 1, 9],
    [10, 14, 0, 1, 9],
    [10, 15, 0, 2, 8],
    [10, 16, 0, 2, 8],
    [10, 99, 0, 9, 1],
    [10, 100, 1, 10, 0],
    [10, 1, 1, 1, 10],
    [10, 18, 1, 2, 9],
    [10, 19, 1, 2, 9],
    [10, 20, 1, 2, 8],
    [10, 23, 1, 2, 8],
    [10, 24, 1, 3, 8],
    [10, 25, 1, 3, 8],
    [10, 99, 1, 10, 1],
  ])("%d pods at weight %d with surge %d: %d new, %d old", (replicas, weight, surge, canary, stable) => {
    expect(approximatePods(replicas, weight, 100, surge)).toEqual({ canary, total: canary + stable });
  });

  /** The values checked in formats.md, section 1.1; surge by its default of 25%. */
  test.each([
    [2, 25, "1/3"],
    [2, 20, "1/3"],
    [2, 5, "1/3"],
    [3, 20, "1/4"],
    [5, 10, "1/6"],
    [10, 5, "1/11"],
    [10, 1, "1/11"],
    [5, 20, "1/5"],
    [1, 5, "1/2"],
    [19, 5, "1/20"],
    [20, 5, "1/20"],
  ])("%d pods at weight %d are %s", (replicas, weight, share) => {
    const { canary, total } = approximatePods(replicas, weight, 100, surgePods("25%", replicas) ?? 0);
    expect(`${canary}/${total}`).toBe(share);
  });

  const any = {
    replicas: fc.integer({ min: 1, max: 500 }),
    weight: fc.integer({ min: 0, max: 100 }),
    surge: fc.nat(5),
  };

  test("there are never more of the new than of all, nor more than one pod over", () => {
    fc.assert(
      fc.property(any.replicas, any.weight, any.surge, (replicas, weight, surge) => {
        const { canary, total } = approximatePods(replicas, weight, 100, surge);
        expect(canary).toBeGreaterThanOrEqual(0);
        expect(canary).toBeLessThanOrEqual(total);
        expect(total).toBeGreaterThanOrEqual(replicas);
        expect(total).toBeLessThanOrEqual(replicas + (surge > 0 ? 1 : 0));
      }),
    );
  });

  test("nothing is nothing, all is all, and between them both versions run wherever two pods can", () => {
    fc.assert(
      fc.property(any.replicas, any.weight, any.surge, (replicas, weight, surge) => {
        const { canary, total } = approximatePods(replicas, weight, 100, surge);
        // Half a pod short of all, without surge: both ways of rounding are ruled out, and Argo runs none.
        const none = surge === 0 && replicas > 1 && replicas * (weight / 100) === replicas - 0.5;
        if (weight === 0 || none) expect(canary).toBe(0);
        else if (weight === 100) expect(canary).toBe(total);
        else if (replicas > 1 || surge > 0) expect(canary > 0 && canary < total).toBe(true);
      }),
    );
  });

  test("within a pod of the weight", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 500 }), any.weight, any.surge, (replicas, weight, surge) => {
        const { canary, total } = approximatePods(replicas, weight, 100, surge);
        expect(Math.abs((100 * canary) / total - weight)).toBeLessThan(100 / replicas);
      }),
    );
  });
});

test.each([
  [1, 10, 1],
  [0, 10, 0],
  ["25%", 1, 1],
  ["25%", 4, 1],
  ["25%", 5, 2],
  ["0%", 5, 0],
  // Text without the sign is percent as well: Kubernetes' older function drops the sign before it counts.
  ["25", 8, 2],
  ["1", 1, 1],
  ["0", 5, 0],
  ["a few", 5, undefined],
  ["${SURGE}", 5, undefined],
  [0.5, 5, undefined],
  [true, 5, undefined],
])("maxSurge %j of %d pods is %j", (maxSurge, replicas, pods) => {
  expect(surgePods(maxSurge, replicas)).toBe(pods);
});
