import { DatabaseFailed } from "../databases/database.ts";
import { type Claim, type Ledger, LedgerError } from "../ledger/ledger.ts";
import type { ActionRecord, RunRecord, UndoStatus } from "../ledger/record.ts";
import type { Handler, Handlers } from "./handlers.ts";
import { undoOne } from "./one.ts";
import { isSettled, type Outcome, statusOf, whyOf } from "./outcome.ts";
import type { Sessions } from "./sessions.ts";
import { taskOf } from "./sql/make-task.ts";
import type { SqlTask } from "./sql/task.ts";
import { type SqlOutcome, undoRows } from "./sql/undo.ts";
import type { Step } from "./step.ts";

/** So many steps whose rows are in one database share a transaction, and a commit of the ledger. */
const BATCH = 100;
const HEARTBEAT_MS = 5_000;
const FROM: readonly UndoStatus[] = ["none", "failed", "conflict"];
/** Where a person says so, also what nobody could look at. */
const FROM_FORCED: readonly UndoStatus[] = [...FROM, "unknown", "unverified"];

export interface RunOptions {
  ledger: Ledger;
  handlers: Handlers;
  sessions: Sessions;
  /** The plan's; only those of the kind `undo` are tried. Newest first. */
  steps: readonly Step[];
  /** Who, for people to read. */
  owner: string;
  plan: string;
  /** Aborted: the step that runs is finished, and no other begun. */
  signal: AbortSignal;
  progress?: ((done: number, of: number, type: string) => void) | undefined;
  batch?: number;
  heartbeatMs?: number;
}

/** Takes actions back, and tells of each step what became of it. Throws LedgerError where it could not even begin. */
export async function runPlan(options: RunOptions): Promise<Map<string, Outcome>> {
  const { ledger, owner, plan, heartbeatMs = HEARTBEAT_MS } = options;
  const run = await ledger.startRun({ owner, plan });
  const work = new Run(options, run);
  const beat = setInterval(() => void work.beat(), heartbeatMs);
  beat.unref();
  try {
    await work.all();
  } finally {
    clearInterval(beat);
    // A run that cannot be ended is taken for dead after 30 s.
    await ledger.endRun(run.id).catch(() => undefined);
  }
  return work.outcomes;
}

interface Claimed {
  step: Step;
  record: ActionRecord;
  handler: Handler;
  resumed: boolean;
}

class Run {
  readonly outcomes = new Map<string, Outcome>();
  readonly #options: RunOptions;
  readonly #run: RunRecord;
  readonly #steps: readonly Step[];
  /** Targets on which something failed. */
  readonly #blocked = new Set<string>();
  /** Why nothing more is begun. */
  #over: string | null = null;
  #done = 0;

  constructor(options: RunOptions, run: RunRecord) {
    this.#options = options;
    this.#run = run;
    this.#steps = options.steps.filter(({ kind }) => kind === "undo");
  }

  async beat(): Promise<void> {
    const lives = await this.#options.ledger.heartbeat(this.#run.id).catch(() => true);
    if (!lives) this.#over ??= "this run was taken for dead, and others may go on with its steps";
  }

  async all(): Promise<void> {
    const { batch = BATCH, signal } = this.#options;
    for (let start = 0; start < this.#steps.length;) {
      if (signal.aborted) this.#over ??= "interrupted";
      const steps = this.#next(start, batch);
      start += steps.length;
      if (this.#over === null) await this.#some(steps);
      const left = this.#over ?? "interrupted";
      for (const { id } of steps) if (!this.outcomes.has(id)) this.outcomes.set(id, { kind: "not tried", why: left });
    }
  }

  /** The next steps that may share a transaction: all on rows; what an earlier run may have committed as one stays together. */
  #next(start: number, batch: number): Step[] {
    const steps: Step[] = [];
    for (const step of this.#steps.slice(start)) {
      const joins =
        step.form === "sql" && (steps.length < batch || step.resumed || this.#resumesAfter(start, steps.length));
      if (steps.length > 0 && (!joins || steps[0]?.form !== "sql")) break;
      steps.push(step);
    }
    return steps;
  }

  #resumesAfter(start: number, length: number): boolean {
    return this.#steps[start]?.resumed === true && this.#steps.slice(start + length).some(({ resumed }) => resumed);
  }

  async #some(steps: readonly Step[]): Promise<void> {
    this.#options.progress?.(this.#done, this.#steps.length, steps[0]?.type ?? "");
    try {
      const claimed = await this.#claim(steps);
      await this.#undo(claimed);
      await this.#note(claimed);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.#over = `the ledger is gone: ${error.message}`;
      this.#tellUnnoted(steps);
    }
    this.#done += steps.length;
    this.#options.progress?.(this.#done, this.#steps.length, steps.at(-1)?.type ?? "");
  }

  /** What was done and could not be noted is found again by the next run, which looks first. */
  #tellUnnoted(steps: readonly Step[]): void {
    for (const { id } of steps) {
      const outcome = this.outcomes.get(id);
      if (outcome && isSettled(outcome)) {
        this.outcomes.set(id, { kind: "failed", why: `it is ${outcome.kind}, but the ledger could not note it` });
      }
    }
  }

  async #claim(steps: readonly Step[]): Promise<Claimed[]> {
    const free = steps.filter((step) => {
      if (!this.#blocked.has(targetOf(step))) return true;
      this.outcomes.set(step.id, BLOCKED);
      return false;
    });
    const { ledger } = this.#options;
    const [forced, plain] = [free.filter((step) => step.forced), free.filter((step) => !step.forced)];
    const claims = new Map<string, Claim>();
    for (const [some, from] of [
      [plain, FROM],
      [forced, FROM_FORCED],
    ] as const) {
      if (some.length === 0) continue;
      for (const [id, claim] of await ledger.claim(
        some.map(({ id }) => id),
        this.#run.id,
        from,
      ))
        claims.set(id, claim);
    }
    const mine = free.filter(({ id }) => claims.get(id)?.claimed === true);
    for (const { id } of free) {
      const claim = claims.get(id);
      if (claim?.claimed !== true) this.outcomes.set(id, notClaimed(claim));
    }
    const records = await this.#records(mine.map(({ id }) => id));
    const claimed: Claimed[] = [];
    for (const step of mine) {
      const record = records.get(step.id);
      const handler = record ? await this.#options.handlers.for(record) : null;
      const claim = claims.get(step.id);
      const resumed = claim?.claimed === true && claim.previous === "undoing";
      if (record && handler && !("why" in handler)) claimed.push({ step, record, handler, resumed });
      else {
        const why = handler && "why" in handler ? handler.why : "its row in the ledger cannot be read";
        await this.#noteOne(step.id, { kind: "failed", why });
      }
    }
    return claimed;
  }

  async #records(ids: readonly string[]): Promise<Map<string, ActionRecord>> {
    const records = new Map<string, ActionRecord>();
    if (ids.length === 0) return records;
    for await (const { record } of this.#options.ledger.entries({ ids })) if (record) records.set(record.id, record);
    return records;
  }

  async #undo(claimed: readonly Claimed[]): Promise<void> {
    const rows = new Map<string, Claimed[]>();
    for (const one of claimed) {
      const { take } = one.handler;
      if (take.kind === "rows") rows.set(take.database, [...(rows.get(take.database) ?? []), one]);
      else if (take.kind === "by hand") this.outcomes.set(one.step.id, { kind: "failed", why: "it cannot be undone" });
      else {
        const { forced } = one.step;
        const { idempotent } = one.handler.facts;
        await this.beat();
        if (this.#over !== null) return;
        this.#set(one.step, await undoOne(one.record, take.compensator, { forced, resumed: one.resumed, idempotent }));
      }
    }
    for (const [database, some] of rows) await this.#undoRows(database, some);
  }

  async #undoRows(database: string, claimed: readonly Claimed[]): Promise<void> {
    const tasks: SqlTask[] = [];
    for (const { step, record, handler, resumed } of claimed) {
      if (handler.take.kind !== "rows") continue;
      const task = taskOf(record, handler.take, { forced: step.forced, resumed });
      if ("why" in task) this.#set(step, { kind: "failed", why: task.why });
      else tasks.push(task);
    }
    const outcomes = await this.#inDatabase(database, tasks);
    for (const { step, record } of claimed) {
      const outcome = outcomes.get(step.id);
      if (outcome) this.#set(step, rowOutcome(outcome, record));
    }
  }

  async #inDatabase(database: string, tasks: readonly SqlTask[]): Promise<Map<string, SqlOutcome>> {
    const failed = (why: string) => new Map(tasks.map(({ id }): [string, SqlOutcome] => [id, { kind: "failed", why }]));
    if (tasks.length === 0) return new Map();
    try {
      const { session, tables } = await this.#options.sessions.get(database);
      const outcomes = await undoRows(session, tables, tasks);
      const isGone = [...outcomes.values()].every(({ kind }) => kind === "failed" || kind === "blocked");
      // Where nothing at all succeeded the connection may be what failed.
      if (isGone) await this.#options.sessions.drop(database);
      return outcomes;
    } catch (error) {
      if (!(error instanceof DatabaseFailed)) throw error;
      await this.#options.sessions.drop(database);
      return failed(error.message);
    }
  }

  #set(step: Step, outcome: Outcome): void {
    this.outcomes.set(step.id, outcome);
    if (outcome.kind === "failed" || outcome.kind === "unknown") this.#blocked.add(targetOf(step));
  }

  async #note(claimed: readonly Claimed[]): Promise<void> {
    const ends = claimed.flatMap(({ step: { id } }) => {
      const outcome = this.outcomes.get(id) ?? BLOCKED;
      const status = statusOf(outcome);
      return status === null ? [] : [{ id, status, error: whyOf(outcome) }];
    });
    if (ends.length > 0) await this.#options.ledger.finish(this.#run.id, ends);
  }

  async #noteOne(id: string, outcome: Outcome): Promise<void> {
    this.outcomes.set(id, outcome);
    const status = statusOf(outcome);
    if (status !== null) await this.#options.ledger.finish(this.#run.id, [{ id, status, error: whyOf(outcome) }]);
  }
}

const BLOCKED: Outcome = { kind: "blocked", why: "a newer action on the same target was not undone" };
const targetOf = ({ target, id }: Step): string => target ?? id;

function notClaimed(claim: Claim | undefined): Outcome {
  if (!claim || claim.claimed || claim.status === null) return { kind: "failed", why: "the ledger has it no more" };
  if (claim.status === "undone") return { kind: "already" };
  const { heldBy, status } = claim;
  if (heldBy) return { kind: "held", why: `${heldBy.owner} is undoing it (run ${heldBy.id})` };
  return { kind: "held", why: `another run left it ${status}` };
}

function rowOutcome(outcome: SqlOutcome, record: ActionRecord): Outcome {
  if (outcome.kind === "blocked") return BLOCKED;
  if (outcome.kind === "already" && record.status !== "done" && record.after === undefined) {
    return { kind: "did not happen" };
  }
  return outcome;
}
