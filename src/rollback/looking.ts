import { DatabaseFailed } from "../databases/database.ts";
import type { ActionRecord, Entry } from "../ledger/record.ts";
import type { Handler, Handlers } from "./handlers.ts";
import type { PlanInput } from "./plan.ts";
import type { Sessions } from "./sessions.ts";
import { makeKey } from "./idempotency.ts";
import { LIMIT_MS } from "./compensators/compensator.ts";
import { type Dependent, readDependents } from "./sql/rows.ts";
import { taskOf } from "./sql/make-task.ts";
import { lookAt, type Seen as SeenRows, type SqlTask, Unusable } from "./sql/task.ts";
import { tableOf } from "./sql/undo.ts";
import type { Seen } from "./step.ts";
import { UndoFailed } from "./undo-function.ts";

/** So many states are asked for at the same time. */
const AT_ONCE = 8;

/** Looks at what actions changed, as it is now. Reads only. */
export class Looking {
  readonly #handlers: Handlers;
  readonly #sessions: Sessions;

  constructor(handlers: Handlers, sessions: Sessions) {
    this.#handlers = handlers;
    this.#sessions = sessions;
  }

  /** The inputs of a plan for some actions, in their order. */
  async inputs(entries: readonly Entry[]): Promise<PlanInput[]> {
    const found = await Promise.all(
      entries.map(async (entry) => ({ entry, handler: entry.record ? await this.#handlers.for(entry.record) : null })),
    );
    const seen = new Map<string, Seen>();
    await this.#lookAtRows(found, seen);
    await this.#askForStates(found, seen);
    return found.map(({ entry, handler }) => {
      const id = entry.record ? entry.record.id : entry.damaged.id;
      if (handler !== null && "why" in handler) {
        return { entry, handler: UNUSABLE, seen: { kind: "unread", why: handler.why } };
      }
      return { entry, handler: handler?.facts ?? null, seen: seen.get(id) ?? { kind: "nothing" } };
    });
  }

  async #lookAtRows(found: readonly Found[], seen: Map<string, Seen>): Promise<void> {
    const groups = new Map<string, { database: string; table: string; tasks: SqlTask[] }>();
    for (const { entry, handler } of found) {
      if (!needsLook(entry) || !isHandler(handler) || handler.take.kind !== "rows") continue;
      const { database, table } = handler.take;
      const task = taskOf(entry.record, handler.take, { forced: false, resumed: false });
      if ("why" in task) {
        seen.set(entry.record.id, { kind: "unread", why: task.why });
        continue;
      }
      const group = groups.get(`${database} ${table}`) ?? { database, table, tasks: [] };
      groups.set(`${database} ${table}`, group);
      group.tasks.push(task);
    }
    for (const group of groups.values()) await this.#lookAtGroup(group, seen);
  }

  async #lookAtGroup(
    { database, table: written, tasks }: { database: string; table: string; tasks: readonly SqlTask[] },
    seen: Map<string, Seen>,
  ): Promise<void> {
    try {
      const { session, tables } = await this.#sessions.get(database);
      const table = await tableOf(session, tables, written);
      for (const one of await lookAt(session, table, tasks, { lock: false })) {
        const { before, after, now, leftOut } = one;
        const dependents = await dependentsOf(one, session);
        const given = "given" in one.task.subject;
        seen.set(one.task.id, { kind: "rows", given, database, before, after, now, leftOut, dependents });
      }
    } catch (error) {
      if (error instanceof DatabaseFailed) await this.#sessions.drop(database);
      const isKnown = error instanceof DatabaseFailed || error instanceof Unusable || error instanceof RangeError;
      if (!isKnown) throw error;
      const [only, ...more] = tasks;
      if (more.length > 0 && !(error instanceof DatabaseFailed)) {
        // One record that makes no sense must not hide the others.
        for (const task of tasks) await this.#lookAtGroup({ database, table: written, tasks: [task] }, seen);
      } else if (only) {
        for (const task of tasks)
          seen.set(task.id, { kind: "unread", why: `it could not be looked at: ${error.message}` });
      }
    }
  }

  async #askForStates(found: readonly Found[], seen: Map<string, Seen>): Promise<void> {
    const asking = found.flatMap(({ entry, handler }) => {
      if (!needsLook(entry) || !isHandler(handler) || handler.take.kind !== "compensator") return [];
      const { state } = handler.take.compensator;
      return state === null ? [] : [{ record: entry.record, state }];
    });
    for (let start = 0; start < asking.length; start += AT_ONCE) {
      await Promise.all(
        asking.slice(start, start + AT_ONCE).map(async ({ record, state }) => {
          seen.set(record.id, await stateNow(record, state));
        }),
      );
    }
  }
}

interface Found {
  entry: Entry;
  handler: Handler | { why: string } | null;
}

const isHandler = (handler: Found["handler"]): handler is Handler => handler !== null && !("why" in handler);

/** What is settled already is not looked at again. */
function needsLook(entry: Entry): entry is Extract<Entry, { record: ActionRecord }> {
  return !entry.damaged && entry.record.status !== "refused" && entry.record.undo_status !== "undone";
}

/** There is a handler, and it cannot be used: what that means is said by what was seen. */
const UNUSABLE = {
  form: "function",
  source: "",
  digest: "",
  instead: null,
  residue: null,
  idempotent: false,
  looks: false,
} as const;

async function dependentsOf(
  { before, now, after, table }: SeenRows,
  session: Parameters<typeof readDependents>[0],
): Promise<Map<string, readonly Dependent[]>> {
  const found = new Map<string, readonly Dependent[]>();
  if (table.references.length === 0) return found;
  // At a row that an action made others of the same action may point, which go with it.
  const leave = table.references.some(({ shown }) => shown === table.name) ? now.size : 0;
  for (const [row, is] of now) {
    const isMade = after?.get(row) && (before.get(row) ?? null) === null;
    if (isMade && is !== null) found.set(row, await readDependents(session, table, is, leave));
  }
  return found;
}

async function stateNow(
  record: ActionRecord,
  state: NonNullable<Extract<Handler["take"], { kind: "compensator" }>["compensator"]["state"]>,
): Promise<Seen> {
  try {
    const signal = AbortSignal.timeout(LIMIT_MS);
    return { kind: "state", value: await state(record, { signal, idempotencyKey: makeKey(record) }) };
  } catch (error) {
    if (error instanceof UndoFailed) return { kind: "unread", why: `its state could not be read: ${error.message}` };
    throw error;
  }
}
