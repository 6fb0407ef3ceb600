import fc from "fast-check";
import { describe, expect, it } from "vitest";
import check from "../../checks/05-rollback-kill-switches/rollback-coverage.ts";
import { absent, type Fact } from "../../src/audit/fact.ts";
import type { ActionFacts, RecordsFacts, ScriptFacts } from "../../src/evidence/facts.ts";
import {
  actionOf,
  broken,
  contextOf,
  factOf,
  goodActions,
  goodRecords,
  goodScript,
  notThere,
  recordsOf,
  said,
  WRITES,
} from "../support/facts.ts";

function judge(
  script: Fact<ScriptFacts>,
  actions: Fact<ActionFacts> = factOf(goodActions()),
  records: Fact<RecordsFacts> = factOf(goodRecords()),
) {
  return check.judge({ script, actions, records }, contextOf());
}
const judged = (changes: Partial<ScriptFacts> = {}, ...rest: [Fact<ActionFacts>?, Fact<RecordsFacts>?]) =>
  said(judge(factOf(goodScript(changes)), ...rest));
const listing = (...types: string[]) => ({ listed: { types } });
const ran = (...types: string[]) => ({ dryRun: { state: "seen" as const, types, runs: [] } });
const notRun = { dryRun: { state: "not-run" as const, why: "no consent" } };
const wrong = { dryRun: { state: "failed" as const, why: "it exited 1" } };
const COVERED = "[PASS] Rollback script covers 3/3 write action types";

describe("05.6 rollback-coverage", () => {
  it("Rollback script covers 3/3 write action types", () => {
    expect(judged()).toBe(COVERED);
    expect(judged({ ...listing(...WRITES, "refund"), ...ran(...WRITES, "refund") })).toBe(COVERED);
  });

  it("Rollback script covers 2/3 write action types — db_update missing", () => {
    const two = ["subscription_update", "email_send"];
    expect(judged({ ...listing(...two), ...ran(...two) })).toBe(
      "[WARN] Rollback script covers 2/3 write action types — db_update missing",
    );
    expect(judged({ ...listing("email_send"), ...ran("email_send") })).toBe(
      "[WARN] Rollback script covers 1/3 write action types — subscription_update, db_update missing",
    );
    expect(judged(listing(...two))).toBe("[WARN] Rollback script covers 2/3 write action types — db_update missing");
  });

  it("types in the table count too", () => {
    expect(judged({}, undefined, factOf(goodRecords([recordsOf("refund")])))).toBe(
      "[WARN] Rollback script covers 3/4 write action types — refund missing",
    );
  });

  it("Rollback script says it covers 3/3, not seen — WHY", () => {
    expect(judged(notRun)).toBe("[WARN] Rollback script says it covers 3/3, not seen — no consent");
    expect(judged(ran("subscription_update"))).toBe(
      "[WARN] Rollback script says it covers 3/3, not seen — no dry run covered email_send, db_update",
    );
    expect(judged({ ...listing("subscription_update", "email_send"), ...notRun })).toBe(
      "[WARN] Rollback script says it covers 2/3, not seen — no consent; db_update missing",
    );
  });

  it("No rollback script configured", () => {
    expect(said(judge(notThere()))).toBe("[FAIL] No rollback script configured");
    expect(said(check.absent({ state: "absent", why: "" }))).toBe("[FAIL] No rollback script configured");
  });

  it("Rollback script covers 0/3 write action types", () => {
    expect(judged(listing())).toBe("[FAIL] Rollback script covers 0/3 write action types");
    expect(judged({ ...listing("refund"), ...notRun })).toBe("[FAIL] Rollback script covers 0/3 write action types");
  });

  it("Rollback script failed its dry run — WHY", () => {
    expect(judged(wrong)).toBe("[FAIL] Rollback script failed its dry run — it exited 1");
    expect(judged(wrong, undefined, broken())).toBe("[FAIL] Rollback script failed its dry run — it exited 1");
  });

  it("Rollback script takes no trace ID", () => {
    expect(judged({ takesTrace: false })).toBe("[FAIL] Rollback script takes no trace ID");
    expect(judged({ takesTrace: false, takesWindow: false, ...wrong })).toBe(
      "[FAIL] Rollback script takes no trace ID",
    );
  });

  it("Rollback script takes no time window", () => {
    expect(judged({ takesWindow: false, ...wrong })).toBe("[FAIL] Rollback script takes no time window");
  });

  it("irreversible types leave N and are named in the evidence", () => {
    const parcel = actionOf("parcel_send", "write", "call the carrier");
    const actions = factOf({ types: [actionOf("db_update"), parcel], inventoryRead: false });
    const records = factOf(goodRecords([recordsOf("db_update"), recordsOf("parcel_send")]));
    const judgement = judge(factOf(goodScript()), actions, records);
    expect(said(judgement)).toBe("[PASS] Rollback script covers 1/1 write action types");
    expect(judgement.evidence?.[0]?.fact).toBe("parcel_send is irreversible and not counted: call the carrier");
    const nothing = factOf({ types: [parcel], inventoryRead: false });
    expect(judged({}, nothing, notThere())).toBe(
      "[WARN] Rollback script covers 0/0 write action types — parcel_send declared irreversible",
    );
    expect(said(judge(notThere(), nothing, notThere()))).toBe("[FAIL] No rollback script configured");
    expect(judged({}, notThere(), notThere())).toBe(
      "[WARN] Rollback script covers 0/0 write action types — no write action type is known",
    );
  });

  it("in our own ledger: what a plan did not show is said by type, and a missing handler is named", () => {
    const planned = (types: string[], unseen: { type: string; why: string }[] = []) => ({
      by: "ledger" as const,
      ...listing(...types, ...unseen.map(({ type }) => type)),
      dryRun: { state: "seen" as const, types, runs: [], unseen },
    });
    expect(judged(planned([...WRITES]))).toBe(COVERED);
    expect(judged(planned(["subscription_update", "email_send"]))).toBe(
      "[WARN] Rollback script covers 2/3 write action types — db_update missing",
    );
    expect(judged(planned([]))).toBe("[FAIL] Rollback script covers 0/3 write action types");
    const why = "db_update has no records yet";
    expect(judged(planned(["subscription_update", "email_send"], [{ type: "db_update", why }]))).toBe(
      `[WARN] Rollback script says it covers 3/3, not seen — ${why}`,
    );
    expect(judged(planned(["email_send"], [{ type: "db_update", why }]))).toBe(
      `[WARN] Rollback script says it covers 2/3, not seen — ${why}; subscription_update missing`,
    );
    const script = factOf(goodScript(planned(["db_update"])));
    expect(judge(script).remedy).toContain("rollback.undo");
  });

  it("types that our own ledger calls irreversible leave N and are named", () => {
    const parcel = { ...recordsOf("parcel_send"), irreversible: "call the carrier" };
    const records = factOf(goodRecords([...WRITES.map((type) => recordsOf(type)), parcel]));
    const judgement = judge(factOf(goodScript({ by: "ledger" })), undefined, records);
    expect(said(judgement)).toBe(COVERED);
    expect(judgement.evidence?.[0]?.fact).toBe("parcel_send is irreversible and not counted: call the carrier");
    const unused = { ...recordsOf("parcel_send", 0), irreversible: "call the carrier" };
    const nowhere = judge(factOf(goodScript()), undefined, factOf(goodRecords([unused])));
    expect([said(nowhere), nowhere.evidence]).toEqual([COVERED, undefined]);
  });

  it("without a list only dry runs speak, and where they do not reach it could not be checked", () => {
    const listed = { why: "it exited 2" };
    expect(judged({ listed })).toBe(COVERED);
    expect(judged({ listed, ...ran("db_update") })).toBe(
      "[FAIL] (unknown) Rollback script could not be checked — it exited 2",
    );
  });

  it("Rollback script could not be checked — WHY", () => {
    const words = "[FAIL] (unknown) Rollback script could not be checked — ";
    expect(said(judge(broken("no such file")))).toBe(`${words}no such file`);
    expect(judged({}, broken("tools.json is not JSON"))).toBe(`${words}actions: tools.json is not JSON`);
    expect(judged({}, undefined, broken())).toBe(`${words}records: connection refused`);
  });

  it("is skipped where an inventory that was read holds no write action", () => {
    const none = factOf({ types: [actionOf("account_lookup", "read")], inventoryRead: true });
    expect(said(judge(notThere(), none, notThere()))).toBe(
      "[SKIP] Rollback script does not apply — the inventory that was read holds no write action",
    );
    expect(said(judge(notThere(), none))).toBe("[FAIL] No rollback script configured");
  });

  it("says nothing is missing where --offline kept from looking", () => {
    expect(said(judge(absent("--offline")))).toMatch(/^\[WARN\]/);
  });

  it("what only the script says never passes, and listing less never judges better", () => {
    const some = fc.subarray([...WRITES]);
    const rank = (text: string) => ["[PASS]", "[WARN]", "[FAIL]"].findIndex((word) => text.startsWith(word));
    fc.assert(
      fc.property(some, some, (listed, seen) => {
        const text = judged({ ...listing(...listed), ...ran(...seen) });
        expect(text === COVERED).toBe(listed.length === 3 && seen.length === 3);
        expect(judged({ ...listing(...listed), ...notRun })).not.toMatch(/^\[PASS\]/);
        expect(rank(judged({ ...listing(...listed.slice(1)), ...ran(...seen) }))).toBeGreaterThanOrEqual(rank(text));
      }),
    );
  });
});
