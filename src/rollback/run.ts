import { setImmediate as others } from "node:timers/promises";
import { DatabaseFailed } from "../databases/database.ts";
import { type Claim, type Ledger, LedgerError, type StepEnd } from "../ledger/ledger.ts";
import type { ActionRecord, Entry, RunRecord, UndoStatus } from "../ledger/record.ts";
import type { Handler, Handlers } from "./handlers.ts";
import { undoOne } from "./one.ts";
import { isSettled, type Outcome, type OutcomeKind, statusOf, whyOf } from "./outcome.ts";
import type { Sessions } from "./sessions.ts";
import { taskOf } from "./sql/make-task.ts";
import type { SqlTask } from "./sql/task.ts";
import { type SqlOutcome, undoRows } from "./sql/undo.ts";
import { type Step, targetOf } from "./step.ts";

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
  /** Its values are kept where nobody reads them, and stay there. */
  sealed: boolean;
}

/** Claimed steps on rows, to be undone database by database: one target's stay in their order. */
class ByDatabase {
  readonly groups = new Map<string, Claimed[]>();
  readonly #databases = new Map<string, string>();

  wouldReorder(database: string, step: Step): boolean {
    return (this.#databases.get(targetOf(step)) ?? database) !== database;
  }

  add(database: string, one: Claimed): void {
    const group = this.groups.get(database) ?? [];
    group.push(one);
    this.groups.set(database, group);
    this.#databases.set(targetOf(one.step), database);
  }
}

class Run {
  readonly outcomes = new Map<string, Outcome>();
  readonly #options: RunOptions;
  readonly #run: RunRecord;
  readonly #steps: readonly Step[];
  /** Where the last of the steps stands that an earlier run broke off at; -1 without any. */
  readonly #lastResumed: number;
  /** Targets on which something failed. */
  readonly #blocked = new Set<string>();
  /** Targets on which an action stays, as somebody has changed what it left. */
  readonly #left = new Set<string>();
  /** By database, what somebody changed or put back: theirs to all older actions, of whatever transaction. */
  readonly #back = new Map<string, Set<string>>();
  /** Why nothing more is begun. */
  #over: string | null = null;
  #done = 0;
  /** What has become of steps and is not in the ledger yet: it goes there in the commit that claims the next ones. */
  #ends: StepEnd[] = [];

  constructor(options: RunOptions, run: RunRecord) {
    this.#options = options;
    this.#run = run;
    this.#steps = options.steps.filter(({ kind }) => kind === "undo");
    this.#lastResumed = this.#steps.findLastIndex(({ resumed }) => resumed);
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
      // SQLite answers in this very process: whoever interrupts would not be heard before the end.
      await others();
    }
    await this.#orOver(async () => void (await this.#turn([])));
  }

  /** The next steps that may share a transaction: all on rows; what an earlier run may have committed as one stays together. */
  #next(start: number, batch: number): Step[] {
    const steps: Step[] = [];
    const isResumed = this.#steps[start]?.resumed === true;
    for (let at = start; at < this.#steps.length; at++) {
      const step = this.#steps[at];
      if (step === undefined) break;
      const joins =
        step.form === "sql" && (steps.length < batch || step.resumed || (isResumed && at <= this.#lastResumed));
      if (steps.length > 0 && (!joins || steps[0]?.form !== "sql")) break;
      steps.push(step);
    }
    return steps;
  }

  async #some(steps: readonly Step[]): Promise<void> {
    this.#options.progress?.(this.#done, this.#steps.length, steps[0]?.type ?? "");
    await this.#orOver(async () => {
      const claimed = await this.#claim(steps);
      await this.#undo(claimed);
      this.#note(claimed);
    });
    this.#done += steps.length;
    this.#options.progress?.(this.#done, this.#steps.length, steps.at(-1)?.type ?? "");
  }

  /** Nothing more is begun once the ledger is gone. */
  async #orOver(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.#over = `the ledger is gone: ${error.message}`;
      this.#tellUnnoted();
    }
  }

  /** What was done and could not be noted is found again by the next run, which looks first. */
  #tellUnnoted(): void {
    for (const { id } of this.#ends.splice(0)) {
      const outcome = this.outcomes.get(id);
      if (outcome && isSettled(outcome)) {
        this.outcomes.set(id, { kind: "failed", why: `it is ${outcome.kind}, but the ledger could not note it` });
      }
    }
  }

  /** Notes what became of the steps before, and claims these. */
  async #turn(steps: readonly Step[]): Promise<{ claims: Map<string, Claim>; entries: Map<string, Entry> }> {
    if (steps.length === 0 && this.#ends.length === 0) return { claims: new Map(), entries: new Map() };
    const ids = (forced: boolean): string[] => steps.filter((step) => step.forced === forced).map(({ id }) => id);
    const wanted = [
      { ids: ids(false), from: FROM },
      { ids: ids(true), from: FROM_FORCED },
    ].filter((some) => some.ids.length > 0);
    const turned = await this.#options.ledger.turn(this.#run.id, { ends: this.#ends, wanted });
    this.#ends = [];
    return turned;
  }

  async #claim(steps: readonly Step[]): Promise<Claimed[]> {
    const free = steps.filter((step) => {
      if (!this.#blocked.has(targetOf(step))) return true;
      this.outcomes.set(step.id, BLOCKED);
      return false;
    });
    const { claims, entries } = await this.#turn(free);
    const claimed: Claimed[] = [];
    for (const step of free) {
      const claim = claims.get(step.id);
      if (claim?.claimed !== true) {
        this.#set(step, notClaimed(claim));
        continue;
      }
      const { resumed } = claim;
      const entry = entries.get(step.id);
      const record = entry?.record;
      const handler = record ? await this.#options.handlers.for(record) : null;
      if (this.#blocked.has(targetOf(step))) {
        this.outcomes.set(step.id, BLOCKED);
        this.#end({ step, resumed });
      } else if (record && handler && !("why" in handler))
        claimed.push({ step, record, handler, resumed, sealed: entry.sealed === true });
      else {
        const why = handler && "why" in handler ? handler.why : "its row in the ledger cannot be read";
        this.#set(step, { kind: "failed", why });
        this.#end({ step, resumed });
      }
    }
    return claimed;
  }

  async #undo(claimed: readonly Claimed[]): Promise<void> {
    let rows = new ByDatabase();
    for (const one of claimed) {
      const { take } = one.handler;
      if (take.kind === "rows") {
        if (rows.wouldReorder(take.database, one.step)) {
          await this.#undoAll(rows);
          rows = new ByDatabase();
        }
        rows.add(take.database, one);
      } else if (take.kind === "by hand") this.#set(one.step, { kind: "failed", why: "it cannot be undone" });
      else {
        const { forced } = one.step;
        const { idempotent } = one.handler.facts;
        // Nobody would see what it does to what stays there.
        if (take.compensator.state === null && !forced && this.#left.has(targetOf(one.step))) {
          this.#set(one.step, BLOCKED);
          continue;
        }
        await this.beat();
        if (this.#over !== null) return;
        this.#set(one.step, await undoOne(one.record, take.compensator, { forced, resumed: one.resumed, idempotent }));
      }
    }
    await this.#undoAll(rows);
  }

  async #undoAll(rows: ByDatabase): Promise<void> {
    for (const [database, some] of rows.groups) await this.#undoRows(database, some);
  }

  async #undoRows(database: string, claimed: readonly Claimed[]): Promise<void> {
    const tasks: SqlTask[] = [];
    for (const { step, record, handler, resumed } of claimed) {
      if (handler.take.kind !== "rows") continue;
      const task = taskOf(record, handler.take, { forced: step.forced, resumed });
      if (this.#blocked.has(targetOf(step))) this.outcomes.set(step.id, BLOCKED);
      else if ("why" in task) this.#set(step, { kind: "failed", why: task.why });
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
      const back = this.#back.get(database) ?? new Set();
      this.#back.set(database, back);
      const outcomes = await undoRows(session, tables, tasks, back);
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
    if (HOLDING.has(outcome.kind)) this.#blocked.add(targetOf(step));
    else if (outcome.kind === "conflict") this.#left.add(targetOf(step));
  }

  #note(claimed: readonly Claimed[]): void {
    for (const one of claimed) this.#end(one);
  }

  #end({ step: { id }, resumed, sealed }: Pick<Claimed, "step" | "resumed"> & Partial<Claimed>): void {
    const outcome = this.outcomes.get(id) ?? BLOCKED;
    // What somebody else put back is theirs: the next run must see that again, or it undoes what is older beneath it.
    const status = outcome.kind === "already" && !resumed ? "none" : statusOf(outcome);
    // Whether the run that broke off at it did it is still to be looked at, by whoever takes over from this one.
    if (status === null || (resumed && LEFT_OPEN.has(outcome.kind))) return;
    const why = whyOf(outcome);
    this.#ends.push({ id, status, error: sealed === true && why !== null ? UNSAID : why });
  }
}

/** Words about a step may hold its values. */
const UNSAID = "the run that tried it said why: its values are encrypted or redacted here";
/** After these a target's older actions must wait. */
const HOLDING: ReadonlySet<OutcomeKind> = new Set(["failed", "unknown", "held"]);
/** After these nothing is known that was not known before. */
const LEFT_OPEN: ReadonlySet<OutcomeKind> = new Set(["failed", "blocked"]);
const BLOCKED: Outcome = { kind: "blocked", why: "a newer action on the same target was not undone" };

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
