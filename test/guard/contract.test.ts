import { expect, expectTypeOf, it } from "vitest";
import { ActionRefused, createGuard, type LedgerSettings } from "../../src/index.ts";
import { afterThisTest } from "../support/ending.ts";

/** The example of the contract, section 5, with a type for its input: that it compiles is half of the test. */

const rows = new Map([[7, { id: 7, customer: "ada", plan: "plus" }]]);
const db = {
  read: (id: number) => rows.get(id),
  update: (input: { id: number }) => ({ ...input, id: input.id }),
};
interface Update {
  id: number;
  customer?: string;
}
const [url, token] = ["http://127.0.0.1:9", "none"];

it("compiles and holds", async () => {
  const guard = createGuard({
    agent: "subscription-support",
    version: "2.4.1",
    killSwitch: { url, token, lease: "15s", whenLost: "read-only" },
    breaker: {
      errorRatePct: 15,
      anomalyRatePct: 10,
      volumeSpikeFactor: 3,
      window: "5m",
      cooldown: "10m",
      anomaly: (action) => (action.input as { amount?: number }).amount === 501,
    },
    ledger: { database: "sqlite:never-opened.db" },
    fallback: "Cancellations are paused. Nothing was changed; a colleague will write to you today.",
    drain: "5s",
    onNotice: () => undefined,
  });
  afterThisTest(() => guard.close());

  const updateSubscription = guard.action("subscription_update", {
    effect: "write",
    target: (input: Update) => `subscription/${input.id}`,
    subject: (input) => input.customer,
    before: (input) => db.read(input.id),
    after: (input, _result) => db.read(input.id),
    reference: (result) => (result as { id?: number } | undefined)?.id,
    undo: { sql: { database: "sqlite:app.db", table: "subscriptions", key: (input) => ({ id: input.id }) } },
    run: (input, { signal, trace }) => (signal.aborted ? trace : db.update(input)),
  });
  await expect(updateSubscription({ id: 7 }, { trace: "friday" })).rejects.toThrow(ActionRefused);
  await expect(updateSubscription({ id: 7 })).rejects.toMatchObject({ reason: "never-heard", mode: "read-only" });
  expect(guard.check("subscription_update", { effect: "write" })).toEqual({
    allowed: false,
    mode: "read-only",
    reason: "never-heard",
    fallback: "Cancellations are paused. Nothing was changed; a colleague will write to you today.",
  });
});

it("infers input and result for all of an action from a run that comes first", () => {
  const guard = createGuard({ agent: "support", killSwitch: "none" });
  afterThisTest(() => guard.close());
  const refund = guard.action("refund", {
    run: (input: Update, { signal }) => Promise.resolve({ id: signal.aborted ? 0 : input.id }),
    target: (input) => `order/${input.id.toFixed()}`,
    after: (input, result) => [input.customer, result.id.toFixed()],
    reference: (result) => result.id,
  });
  expectTypeOf(refund).parameter(0).toEqualTypeOf<Update>();
  expectTypeOf(refund).returns.toEqualTypeOf<Promise<{ id: number }>>();
});

it("takes a ledger's key as the environment has it", () => {
  const keys: LedgerSettings["keys"] = [{ id: "k1", secret: process.env["NO_SUCH_SECRET"] }];
  const ledger = { database: "sqlite:never-opened.db", encrypt: ["email"], keys };
  expect(() => createGuard({ agent: "support", killSwitch: "none", ledger })).toThrow('the key "k1" has no secret');
});
