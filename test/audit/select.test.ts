import { describe, expect, test } from "vitest";
import { selectChecks } from "../../src/audit/select.ts";
import { checkOf, suiteOf } from "./support.ts";

const SUITES = [
  suiteOf([
    checkOf({ id: "05.1", key: "kill-switch-endpoint", needs: {} }),
    checkOf({ id: "05.2", key: "kill-switch-latency", needs: {} }),
    checkOf({ id: "05.10", key: "drill-recency", needs: {} }),
  ]),
];

describe("selectChecks", () => {
  const ids = (...names: string[]) => selectChecks(SUITES, names).flatMap(({ checks }) => checks.map(({ id }) => id));

  test("all without names, and by suite", () => {
    expect(ids()).toEqual(["05.1", "05.2", "05.10"]);
    expect(ids("05")).toEqual(["05.1", "05.2", "05.10"]);
  });

  test("by id and key, exactly, in the order of their lines, each once", () => {
    expect(ids("05.1")).toEqual(["05.1"]);
    expect(ids("drill-recency", "05.1", "05.10")).toEqual(["05.1", "05.10"]);
  });

  test.each([
    ["5.1", "did you mean 05.1?"],
    ["5.10", "did you mean 05.10?"],
    ["05.01", "did you mean 05.1?"],
    ["05.3", ""],
    ["", ""],
    ["DRILL-RECENCY", ""],
  ])("%j is unknown, and what is known is listed", (name, hint) => {
    const known = "known: 05, 05.1 kill-switch-endpoint, 05.2 kill-switch-latency, 05.10 drill-recency";
    expect(() => ids("05", name)).toThrow(`unknown check "${name}"${hint && ` (${hint})`}; ${known}`);
  });
});
