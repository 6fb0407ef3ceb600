import { describe, expect, it } from "vitest";
import { openSession } from "../../src/databases/session.ts";
import type { Dialect } from "../../src/databases/database.ts";
import { undoRows } from "../../src/rollback/sql/undo.ts";
import { NO_SECRETS } from "../databases/opening.ts";
import { DIALECTS, opened, placeFor } from "../ledger/ledgers.ts";
import { afterThisTest } from "../support/ending.ts";

const TIME: Record<Dialect, string> = { sqlite: "text", postgres: "timestamptz", mysql: "datetime(6)" };
const JSON_TYPE: Record<Dialect, string> = { sqlite: "text", postgres: "jsonb", mysql: "longtext" };

describe.each(DIALECTS)("a row that an action gave itself, in %s", (dialect) => {
  const place = placeFor(dialect);

  it.each(["update", "delete"])(
    "is seen to be back although the database spells its values otherwise: %s",
    async (what) => {
      const url = await place.fresh();
      await opened(url);
      const session = await openSession(url, { directory: "/", secrets: NO_SECRETS, statementTimeoutMs: 5_000 });
      afterThisTest(() => session.close());
      await session.query("drop table if exists orders");
      await session.query(
        `create table orders (id int primary key, at ${TIME[dialect]}, amount decimal(10, 2), tags ${JSON_TYPE[dialect]})`,
      );
      const before = { id: 1, at: "2026-01-01T10:00:00.000Z", amount: 5.5, tags: { b: [1], a: null } };
      const after = what === "delete" ? null : { id: 1, at: "2026-02-02T11:11:11.000Z", amount: 7, tags: null };
      if (after) await session.query("insert into orders values (1, '2026-02-02 11:11:11', 7, null)");
      if (after && dialect === "sqlite") await session.query("update orders set at = '2026-02-02T11:11:11.000Z'");
      const subject = { given: { key: ["id"], before, after } };
      const task = { id: "a", target: "a", table: "orders", subject, ignore: [], forced: false, resumed: false };
      const outcomes = await undoRows(session, new Map(), [task]);
      expect(outcomes.get("a")).toEqual({ kind: "undone" });
      const rows = await session.query<{ n: unknown }>("select count(*) as n from orders where amount = 5.5");
      expect(Number(rows[0]?.n)).toBe(1);
      expect((await undoRows(session, new Map(), [task])).get("a")).toEqual({ kind: "already" });
      await session.query("drop table orders");
    },
  );
});
