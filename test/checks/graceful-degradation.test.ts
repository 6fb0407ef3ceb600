import { describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/graceful-degradation.ts";
import type { Fact } from "../../src/audit/fact.ts";
import type { ActionFacts, BreakerRehearsalFacts } from "../../src/evidence/facts.ts";
import {
  actionOf,
  broken,
  contextOf,
  factOf,
  goodActions,
  goodBreakerRehearsal,
  notThere,
  said,
} from "../support/facts.ts";

function judged(breakerRehearsal: Fact<BreakerRehearsalFacts>, actions: Fact<ActionFacts> = factOf(goodActions())) {
  return said(check.judge({ breakerRehearsal, actions }, contextOf()));
}
const seen = (changes: Partial<BreakerRehearsalFacts> = {}) => judged(factOf(goodBreakerRehearsal(changes)));
const reads = (sent: number, accepted: number) => ({ reads: { sent, accepted, firstFailure: null } });
const onlyReads = (inventoryRead: boolean) => factOf({ types: [actionOf("account_lookup", "read")], inventoryRead });

describe("05.4 graceful-degradation", () => {
  it("Graceful degradation: reads continue when breaker is open", () => {
    expect(seen()).toBe("[PASS] Graceful degradation: reads continue when breaker is open");
    expect(seen(reads(1, 1))).toBe("[PASS] Graceful degradation: reads continue when breaker is open");
  });

  it("No graceful degradation: reads stop when breaker is open", () => {
    expect(seen(reads(3, 2))).toBe("[FAIL] No graceful degradation: reads stop when breaker is open");
    expect(seen(reads(3, 0))).toBe("[FAIL] No graceful degradation: reads stop when breaker is open");
  });

  it("Writes continue when breaker is open", () => {
    expect(seen({ writesAccepted: 1 })).toBe("[FAIL] Writes continue when breaker is open");
    expect(seen({ writesRefused: false })).toBe("[FAIL] Writes continue when breaker is open");
    expect(seen({ writesAccepted: 1, ...reads(3, 0) })).toBe("[FAIL] Writes continue when breaker is open");
  });

  it("Graceful degradation declared, not observed — WHY", () => {
    const words = "[WARN] Graceful degradation declared, not observed — no consent";
    expect(judged(notThere("no consent"))).toBe(words);
    expect(said(check.absent({ state: "absent", why: "no consent" }))).toBe(words);
  });

  it("Graceful degradation could not be checked — WHY", () => {
    const words = "[FAIL] (unknown) Graceful degradation could not be checked — ";
    expect(judged(broken("answered 502"))).toBe(`${words}answered 502`);
    expect(seen(reads(0, 0))).toBe(`${words}no read was sent while the breaker was open`);
  });

  it("is skipped where an inventory that was read holds no write action, unless a write was seen", () => {
    const words = "[SKIP] Graceful degradation does not apply — the inventory that was read holds no write action";
    expect(judged(notThere(), onlyReads(true))).toBe(words);
    expect(judged(broken(), onlyReads(true))).toBe(words);
    expect(judged(notThere(), onlyReads(false))).toMatch(/^\[WARN\]/);
    expect(judged(notThere(), broken())).toMatch(/^\[WARN\]/);
    expect(judged(factOf(goodBreakerRehearsal({ writesAccepted: 1 })), onlyReads(true))).toMatch(/^\[FAIL\]/);
  });
});
