import { type Ledger, LedgerError } from "../ledger/ledger.ts";
import type { NewAction, Outcome } from "../ledger/record.ts";
import type { ActionGate } from "./action-gate.ts";
import type { ActionDefinition, CallOptions, GuardedAction } from "./action-types.ts";
import type { Recordings } from "./recording.ts";
import type { RunningCall } from "./running.ts";
import { readDuration } from "./options.ts";
import { LAST_MOMENT } from "../values/moment.ts";
import { nameOf, type ReadUndo, readKey, recordedUndo } from "./undo-form.ts";

const NOTHING_GIVEN: CallOptions = {};

type Captured = Awaited<ReturnType<Recordings["captureBefore"]>>;

/** What was done to the ledger for a call before it ran. */
interface Begun {
  ledger: Ledger;
  id: string;
  transaction: object | undefined;
  captured: Captured | undefined;
}

/**
 * The path of a write that leaves a record: its row is on the disk before it runs, and it is asked for once more after
 * that. What cannot be recorded is refused; what has happened is never called refused, whatever becomes of its record.
 */
export function recordedAction<Input, Result>(
  gate: ActionGate,
  definition: ActionDefinition<Input, Result>,
  undo: ReadUndo,
  recordings: Recordings,
): GuardedAction<Input, Result> {
  const { run, before, after, reference, undoWithin, joins = false } = definition;
  const { kind, core } = gate;
  const undoMs = undoWithin === undefined ? null : readDuration(`undoWithin of ${kind.type}`, undoWithin, 0);

  return async function guarded(input: Input, given: CallOptions = NOTHING_GIVEN): Promise<Result> {
    const call = gate.admit(input, given);
    if (typeof call === "string") return gate.refuse(gate.laneOf(given), call) as Result;
    return recordings.whileOpen(() => admitted(call, input));
  };

  async function admitted(call: RunningCall, input: Input): Promise<Result> {
    let begun: Begun;
    try {
      begun = await begin(call, input);
    } catch (error) {
      gate.cancel(call);
      return gate.refuse(call.lane, "ledger", error) as Result;
    }
    const reason = gate.confirm(call, true);
    if (reason !== null) {
      await end(begun, { status: "refused" }).catch(() => undefined);
      return gate.refuse(call.lane, reason) as Result;
    }
    gate.begun(call);
    let result: Awaited<Result>;
    try {
      result = await run(input, call);
    } catch (error) {
      gate.failed(call, error);
      // What failed may have done half of it: the rows as they are now are what an undo compares.
      await end(begun, { status: "failed" }).catch(() => undefined);
      throw error;
    }
    gate.done(call);
    await end(begun, { status: "done" }, { input, result });
    return result;
  }

  async function begin(call: RunningCall, input: Input): Promise<Begun> {
    const transaction = joins && isObject(call.transaction) ? call.transaction : undefined;
    const key = undo.sql === null ? null : readKey(kind.type, (undo.sql.key as (given: Input) => unknown)(input));
    const [ledger] = await Promise.all([recordings.ledger(), recordings.keep(kind.type, undo, key, transaction)]);
    // Another connection does not see what a transaction has done: there the action's own `before` and `after` count.
    const captured =
      undo.sql !== null && key !== null && transaction === undefined
        ? await recordings.captureBefore(undo.sql, key)
        : undefined;
    const action: NewAction = {
      trace_id: call.trace,
      agent: core.settings.agent,
      version: core.settings.version ?? null,
      type: kind.type,
      effect: kind.effect,
      target: nameOf(`target of ${kind.type}`, call.target),
      subject: nameOf(`subject of ${kind.type}`, call.subject),
      epoch: core.view?.epoch ?? null,
      drill: call.drill,
      undo: recordedUndo(undo, key),
      undo_class: undo.class,
      residue: undo.residue,
      undo_until: undoMs === null ? null : Math.min(core.clock.now() + undoMs, LAST_MOMENT),
      ...(before === undefined ? {} : { before: await before(input) }),
      ...(captured === undefined ? {} : { captured }),
    };
    return { ledger, id: await ledger.begin(action, transaction), transaction, captured };
  }

  /** Notes how it ended, as far as that can be found out. Throws LedgerError where that was to be part of a transaction. */
  async function end(
    begun: Begun,
    { status }: Outcome,
    done?: { input: Input; result: Awaited<Result> },
  ): Promise<void> {
    const { ledger, id, transaction, captured } = begun;
    const whole: Outcome = { status };
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        recordings.incomplete(kind.type, id, error);
      }
    };
    if (done !== undefined && reference !== undefined) {
      await attempt(async () => {
        const name: unknown = await reference(done.result);
        if (name !== undefined) whole.reference = nameOf(`reference of ${kind.type}`, name);
      });
    }
    if (done !== undefined && after !== undefined) {
      await attempt(async () => void (whole.after = await after(done.input, done.result)));
    }
    if (captured !== undefined && undo.sql !== null && status !== "refused") {
      const { sql } = undo;
      await attempt(async () => void (whole.captured = await recordings.captureAfter(sql, captured)));
    }
    for (const one of lessAndLess(whole)) {
      try {
        await ledger.end(id, one, transaction);
        return;
      } catch (error) {
        recordings.incomplete(kind.type, id, error);
        // PostgreSQL commits nothing of it any more, and says nothing: its caller must know.
        if (transaction !== undefined) throw error;
        if (!(error instanceof LedgerError) || !error.isOfValues) return;
      }
    }
  }
}

/** A value that cannot be stored must not keep the others, and that it ended at all, from the record. */
function lessAndLess(whole: Outcome): Outcome[] {
  const { after, ...noAfter } = whole;
  const { reference, ...least } = noAfter;
  return [whole, ...(after === undefined ? [] : [noAfter]), ...((reference ?? null) === null ? [] : [least])];
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
