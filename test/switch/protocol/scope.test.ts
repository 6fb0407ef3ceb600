import { describe, expect, it } from "vitest";
import { covers, parseScope, targetOf, type Scope, type Target } from "../../../src/switch/protocol/scope.ts";

function scopeOf(text: string): Scope {
  const scope = parseScope(text);
  if (scope === null) throw new Error(`${text} is no scope`);
  return scope;
}

describe("parseScope", () => {
  it.each<[string, Partial<Scope>]>([
    ["*", {}],
    ["support", { agent: "support" }],
    ["support@2.1", { agent: "support", version: "2.1" }],
    ["support/refund", { agent: "support", type: "refund" }],
    ["drill/*", { drill: true }],
    ["drill/support", { drill: true, agent: "support" }],
    ["drill/support@2.1", { drill: true, agent: "support", version: "2.1" }],
    ["drill/support/refund", { drill: true, agent: "support", type: "refund" }],
    ["0.a_b-C", { agent: "0.a_b-C" }],
    ["support/all", { agent: "support", type: "all" }],
    ["support@drill", { agent: "support", version: "drill" }],
    [`${"a".repeat(64)}/${"t".repeat(64)}`, { agent: "a".repeat(64), type: "t".repeat(64) }],
  ])("takes %s", (text, parts) => {
    expect(parseScope(text)).toEqual({ text, drill: false, agent: null, version: null, type: null, ...parts });
  });

  it.each([
    ["nothing", ""],
    ["a name of 65", "a".repeat(65)],
    ["a version of 65", `a@${"v".repeat(65)}`],
    ["a type of 65", `a/${"t".repeat(65)}`],
    ["the reserved name drill", "drill"],
    ["the reserved name all", "all"],
    ["the reserved name all with a version", "all@1"],
    ["the reserved name all in a drill", "drill/all"],
    ["a drill of a drill", "drill/drill/a"],
    ["a drill of nothing", "drill/"],
    ["everything of one version", "*@1"],
    ["everything of one type", "*/refund"],
    ["a version and a type", "a@1/refund"],
    ["two types", "a/b/c"],
    ["a pattern", "sup*"],
    ["white space around", " a"],
    ["a line break at the end", "a\n"],
    ["a name that begins with a dot", ".a"],
    ["a name that begins with a dash", "-a"],
    ["letters beyond ASCII", "süd"],
    ["a path upwards", "../a"],
  ])("takes no %s", (_, text) => {
    expect(parseScope(text)).toBeNull();
  });
});

describe("covers", () => {
  const SUPPORT: Target = { agent: "support", version: "2", type: "refund" };
  const DRILL: Target = { ...SUPPORT, drill: true };
  it.each<[string, Target, boolean]>([
    ["*", SUPPORT, true],
    ["*", { agent: null }, true],
    ["*", DRILL, true],
    ["support", SUPPORT, true],
    ["support", DRILL, true],
    ["support", { agent: "Support" }, false],
    ["support", { agent: "sales" }, false],
    ["support", { agent: null }, false],
    ["support@2", SUPPORT, true],
    ["support@3", SUPPORT, false],
    ["support@2", { agent: "support" }, false],
    ["support@2", { agent: "support", version: null }, false],
    ["support/refund", SUPPORT, true],
    ["support/mail", SUPPORT, false],
    ["support/refund", { agent: "support" }, false],
    ["drill/*", DRILL, true],
    ["drill/*", SUPPORT, false],
    ["drill/support", DRILL, true],
    ["drill/support", SUPPORT, false],
    ["drill/support@2", DRILL, true],
    ["drill/support/mail", DRILL, false],
  ])("%s and %j: %s", (text, target, expected) => {
    expect(covers(scopeOf(text), target)).toBe(expected);
  });

  it.each(["*", "a", "a@1", "a/t", "drill/*", "drill/a", "drill/a@1", "drill/a/t"])("%s covers itself", (text) => {
    expect(covers(scopeOf(text), targetOf(scopeOf(text)))).toBe(true);
  });
});
