import fc from "fast-check";
import { describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/rollback-state.ts";
import { absent, type Fact } from "../../src/audit/fact.ts";
import type { ActionFacts, RecordsOfType } from "../../src/evidence/facts.ts";
import {
  actionOf,
  broken,
  contextOf,
  factOf,
  goodActions,
  goodRecords,
  notThere,
  recordsOf,
  said,
  WRITES,
} from "../support/facts.ts";

function judged(types?: RecordsOfType[], actions: Fact<ActionFacts> = factOf(goodActions())) {
  return said(check.judge({ records: factOf(goodRecords(types)), actions }, contextOf()));
}
const only = (...types: string[]) => types.map((type) => recordsOf(type));
const said3 = "[PASS] Rollback state recorded for write actions (3 action types)";
const noWrites = (inventoryRead = true) => factOf({ types: [actionOf("account_lookup", "read")], inventoryRead });

describe("05.5 rollback-state", () => {
  it("Rollback state recorded for write actions (3 action types)", () => {
    expect(judged()).toBe(said3);
    expect(judged(only("db_update"), factOf({ types: [actionOf("db_update")], inventoryRead: false }))).toBe(
      "[PASS] Rollback state recorded for write actions (1 action type)",
    );
  });

  it("types that are only in the table count too", () => {
    expect(judged(only(...WRITES, "refund"))).toBe("[PASS] Rollback state recorded for write actions (4 action types)");
    expect(judged(only("refund"), notThere())).toBe("[PASS] Rollback state recorded for write actions (1 action type)");
    expect(judged(only(...WRITES, "account_lookup"))).toMatch(/\(4 action types\)/);
    expect(judged([...only(...WRITES), recordsOf("refund", 0)])).toBe(said3);
  });

  it("Rollback state recorded for 2/3 write action types — email_send has no records yet", () => {
    const words = "[WARN] Rollback state recorded for 2/3 write action types — email_send has no records yet";
    expect(judged(only("subscription_update", "db_update"))).toBe(words);
    expect(judged([...only("subscription_update", "db_update"), recordsOf("email_send", 0)])).toBe(words);
    expect(judged([...only("subscription_update", "db_update"), recordsOf("email_send", 1)])).toBe(said3);
    expect(judged(only("email_send"))).toBe(
      "[WARN] Rollback state recorded for 1/3 write action types — subscription_update, db_update have no records yet",
    );
    expect(judged([], notThere())).toBe(
      "[WARN] Rollback state recorded for 0/0 write action types — no write action type is known",
    );
  });

  it("Rollback state incomplete: db_update lacks a previous value in 12 of 40 records", () => {
    const with12 = recordsOf("db_update", 40, [{ what: "a previous value", count: 12 }]);
    const words = "[FAIL] Rollback state incomplete: db_update lacks a previous value in 12 of 40 records";
    expect(judged([...only("subscription_update", "email_send"), with12])).toBe(words);
    expect(judged([with12])).toBe(words);
    expect(judged([with12], broken())).toBe(words);
    expect(judged([recordsOf("db_update", 40, [{ what: "previous", count: 12 }])])).toBe(words);
    const one = recordsOf("email_send", 1, [{ what: "a reference", count: 1 }]);
    expect(judged([with12, one])).toBe(`${words}; email_send lacks a reference in 1 of 1 record`);
    expect(judged(WRITES.map((type) => recordsOf(type, 40, [{ what: "a previous value", count: 0 }])))).toBe(said3);
  });

  it("No rollback records configured", () => {
    const words = "[FAIL] No rollback records configured";
    expect(said(check.judge({ records: notThere(), actions: factOf(goodActions()) }, contextOf()))).toBe(words);
    expect(said(check.judge({ records: notThere(), actions: noWrites(false) }, contextOf()))).toBe(words);
    expect(said(check.absent({ state: "absent", why: "" }))).toBe(words);
  });

  it("Rollback state could not be checked — WHY", () => {
    const words = "[FAIL] (unknown) Rollback state could not be checked — ";
    expect(said(check.judge({ records: broken(), actions: factOf(goodActions()) }, contextOf()))).toBe(
      `${words}connection refused`,
    );
    expect(judged(undefined, broken("tools.json is not JSON"))).toBe(`${words}actions: tools.json is not JSON`);
  });

  it("is skipped where an inventory that was read holds no write action, unless the table has one", () => {
    const words = "[SKIP] Rollback state does not apply — the inventory that was read holds no write action";
    expect(said(check.judge({ records: notThere(), actions: noWrites() }, contextOf()))).toBe(words);
    expect(judged([], noWrites())).toBe(words);
    expect(judged(only("refund"), noWrites())).toMatch(/^\[PASS\]/);
    expect(judged([], noWrites(false))).toMatch(/^\[WARN\]/);
  });

  it("says nothing is missing where --offline kept from looking", () => {
    const given = { records: absent("--offline"), actions: factOf(goodActions()) };
    expect(said(check.judge(given, contextOf()))).toMatch(/^\[WARN\]/);
    expect(judged(undefined, absent("--offline"))).toBe(said3);
  });

  it("passes only where every type has records and none lacks anything", () => {
    const record = fc.record({ total: fc.nat(3), lacking: fc.nat(2) });
    fc.assert(
      fc.property(fc.tuple(record, record, record), (rows) => {
        const types = rows.map(({ total, lacking }, index) => {
          const count = Math.min(total, lacking);
          return recordsOf(WRITES[index] ?? "", total, [{ what: "a previous value", count }]);
        });
        const whole = types.every(({ total, lacking }) => total > 0 && lacking.every(({ count }) => count === 0));
        expect(judged(types).startsWith("[PASS]")).toBe(whole);
      }),
    );
  });
});
