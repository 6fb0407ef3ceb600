import { describe, expect, test } from "vitest";
import { suiteStatus, summarise, worstStatus } from "../../src/audit/status.ts";
import { rowOf } from "./support.ts";

const waiver = { reason: "r", owner: "o", until: "2026-12-31" };

describe("suiteStatus", () => {
  test.each(["05.1", "05.2"])("%s failing is NOT READY, also where it could not be checked", (id) => {
    expect(suiteStatus([rowOf({ id, verdict: "fail" })], 0)).toBe("NOT READY");
    expect(suiteStatus([rowOf({ id, verdict: "fail", unknown: true })], 0)).toBe("NOT READY");
    expect(suiteStatus([rowOf({ id, verdict: "warn" })], 0)).toBe("NEEDS ATTENTION");
  });

  test("anything that fails or warns and is not waived needs attention", () => {
    expect(suiteStatus([rowOf({ verdict: "fail" })], 3)).toBe("NEEDS ATTENTION");
    expect(suiteStatus([rowOf({ verdict: "fail", unknown: true })], 0)).toBe("NEEDS ATTENTION");
    expect(suiteStatus([rowOf({ verdict: "warn" })], 0)).toBe("NEEDS ATTENTION");
    expect(suiteStatus([rowOf({ verdict: "warn", waiver })], 0)).toBe("READY");
  });

  test("what nobody judged is not ready", () => {
    expect(suiteStatus([rowOf()], 1)).toBe("NOT JUDGED");
    expect(suiteStatus([rowOf({ verdict: "warn", waiver })], 1)).toBe("NOT JUDGED");
    expect(suiteStatus([rowOf({ verdict: "skip" })], 0)).toBe("READY");
  });

  test("05.10 is not 05.1", () => {
    expect(suiteStatus([rowOf({ id: "05.10", verdict: "fail" })], 0)).toBe("NEEDS ATTENTION");
  });
});

test("worstStatus takes the worst, and nothing judged is not READY", () => {
  expect(worstStatus(["READY", "NOT JUDGED"])).toBe("NOT JUDGED");
  expect(worstStatus(["NEEDS ATTENTION", "NOT JUDGED"])).toBe("NEEDS ATTENTION");
  expect(worstStatus(["READY", "NOT READY", "NEEDS ATTENTION"])).toBe("NOT READY");
  expect(worstStatus([])).toBe("NOT JUDGED");
});

test("failed counts what could not be checked, warnings what is waived", () => {
  const rows = [
    rowOf(),
    rowOf({ verdict: "warn", waiver }),
    rowOf({ verdict: "fail", unknown: true }),
    rowOf({ verdict: "fail" }),
    rowOf({ verdict: "skip" }),
  ];
  expect(summarise(rows)).toEqual({ passed: 1, warnings: 1, failed: 2, skipped: 1, unknown: 1, waived: 1 });
});
