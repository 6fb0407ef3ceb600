import Database from "libsql";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createGuard } from "../../src/guard/guard.ts";
import { folderWith, PATIENT, run } from "./support.ts";

/** The Friday: a bad version re-enrols 340 customers who had cancelled; one command takes that back. */

const CANCELLED = 340;
const CHANGED_SINCE = 3;

interface Enrolment {
  id: number;
}

it(
  "one command puts 337 of 340 customers back, and reports the three that a person changed since",
  PATIENT,
  async () => {
    const folder = await folderWith({
      "clawproof.yaml": { version: 1, agent: { name: "support" }, rollback: { ledger: "sqlite:actions.db" } },
    });
    const db = new Database(join(folder, "shop.db"));
    db.exec("CREATE TABLE customers (id INTEGER PRIMARY KEY, plan TEXT, status TEXT, note TEXT)");
    const insert = db.prepare("INSERT INTO customers VALUES (?, ?, ?, '')");
    db.transaction(() => {
      for (let id = 1; id <= CANCELLED; id++) insert.run(id, "none", "cancelled");
      for (let id = CANCELLED + 1; id <= CANCELLED + 60; id++) insert.run(id, "plus", "active");
    })();
    const customers = (): unknown => db.prepare("SELECT id, plan, status, note FROM customers ORDER BY id").raw().all();
    const before = customers();

    for (const version of ["2.4.0", "2.4.1"]) {
      const guard = createGuard({
        agent: "support",
        version,
        // The team of the story had neither switch nor anomaly test; what it had is the ledger.
        killSwitch: "none",
        ledger: { database: `sqlite:${join(folder, "actions.db")}` },
      });
      const enrol = guard.action("subscription_update", {
        target: ({ id }: Enrolment) => `customer/${id}`,
        subject: ({ id }) => String(id),
        undo: { sql: { database: `sqlite:${join(folder, "shop.db")}`, table: "customers", key: ({ id }) => ({ id }) } },
        run: ({ id }) =>
          db.prepare("UPDATE customers SET plan = 'plus', status = 'active' WHERE id = ?").run(id).changes,
      });
      // The version before did right: it is not to be taken back.
      const ids = version === "2.4.0" ? [CANCELLED + 1] : Array.from({ length: CANCELLED }, (_, index) => index + 1);
      await Promise.all(ids.map((id) => enrol({ id })));
      await guard.close();
    }
    // Three of them were found and changed by a person; one more got a note, which the agent had not touched.
    db.exec("UPDATE customers SET plan = 'family' WHERE id IN (7, 70, 170)");
    db.exec("UPDATE customers SET note = 'called us' WHERE id = 8");

    const planned = await run(folder, ["rollback", "support@2.4.1", "--since", "1h", "--dry-run"]);
    expect(planned.exitCode).toBe(1);
    const undone = await run(folder, ["rollback", "support@2.4.1", "--since", "1h", "--yes", "--format", "json"]);
    expect(undone.exitCode).toBe(1);
    const { steps, left } = JSON.parse(undone.stdout) as {
      steps: { target: string; kind: string; outcome: { kind: string } | null }[];
      left: { id: string; what: string }[];
    };
    expect(steps).toHaveLength(CANCELLED);
    expect(steps.filter(({ outcome }) => outcome?.kind === "undone")).toHaveLength(CANCELLED - CHANGED_SINCE);
    expect(left.map(({ what }) => what)).toEqual(["conflict", "conflict", "conflict"]);
    expect(
      steps
        .filter(({ kind }) => kind === "conflict")
        .map(({ target }) => target)
        .sort(),
    ).toEqual(["customer/170", "customer/7", "customer/70"]);

    const [seven, seventy, later] = [7, 70, 170];
    const expected = (before as [number, string, string, string][]).map(([id, plan, status, note]) => {
      if (id === seven || id === seventy || id === later) return [id, "family", "active", note];
      return [id, plan, status, id === 8 ? "called us" : note];
    });
    expect(customers()).toEqual(expected);

    // Run once more it does nothing: everything that can be done is done.
    const again = await run(folder, ["rollback", "support@2.4.1", "--since", "1h", "--yes"]);
    expect(again.exitCode).toBe(1);
    expect(again.stdout).toMatch(/337 done already/);
    expect(customers()).toEqual(expected);
    db.close();
  },
);
