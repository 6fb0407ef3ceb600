import { createHash } from "node:crypto";
import type { ActionRecord, DamagedRecord, Entry, UndoClass } from "../ledger/record.ts";
import { holdsRedacted } from "../ledger/sealing.ts";
import { sha256 } from "../values/hash-chain.ts";
import { isMoment } from "../values/moment.ts";
import { sameJson } from "../values/same-json.ts";
import { foreignWords, cascadeWords } from "./words.ts";
import { Expected } from "./expected.ts";
import { differenceOf, isAsBefore } from "./sql/image.ts";
import { staying } from "./sql/rows.ts";
import { type HandlerFacts, NOT_LOOKED_AT, type Seen, type Step } from "./step.ts";

/** One action with everything that its step follows from. */
export interface PlanInput {
  entry: Entry;
  handler: HandlerFacts | null;
  seen: Seen;
}

export interface Circumstances {
  /** Epoch milliseconds. */
  now: number;
  /** Actions to undo whatever stands there. */
  forced: ReadonlySet<string>;
}

type Verdict = Pick<Step, "kind" | "why" | "forcible">;

/**
 * Makes steps out of actions, which must come newest first: an older action of the same target is held against what will
 * be there once the newer ones are undone. Pure but for what it remembers of them.
 */
export class Planner {
  readonly #circumstances: Circumstances;
  readonly #expected = new Expected();
  readonly #hash = createHash("sha256");
  /** Few texts, each of which stands in many steps. */
  readonly #texts = new Map<string, string>();
  #trace = "";

  constructor(circumstances: Circumstances) {
    this.#circumstances = circumstances;
  }

  /**
   * The name of the plan so far: a hash over ids, records, handlers and what is to be done with each. Twelve hexadecimal
   * digits do.
   */
  get hash(): string {
    return this.#hash.copy().digest("hex").slice(0, 12);
  }

  add(input: PlanInput): Step {
    const step = this.#step(input);
    const { id, kind, forced } = step;
    this.#hash.update(`${id} ${digestOf(input)} ${kind} ${forced}\n`);
    return step;
  }

  #step({ entry, handler, seen }: PlanInput): Step {
    if (entry.damaged) {
      const step = damagedStep(entry.damaged);
      this.#expected.leave(step);
      return step;
    }
    const { record } = entry;
    const forced = this.#circumstances.forced.has(record.id);
    const verdict = this.#verdict(record, handler, seen, forced);
    if (verdict.kind === "undo") this.#remember(record, seen, forced);
    else if (verdict.kind === "conflict") this.#expected.leave(record);
    // Of one shape, whatever the verdict: half as large as one that is spread out.
    const step: Step = {
      kind: verdict.kind,
      why: verdict.why,
      id: record.id,
      trace: this.#sameTrace(record.trace_id),
      type: this.#same(record.type),
      target: record.target,
      subject: record.subject,
      startedAt: record.started_at,
      class: classOf(record, handler),
      residue: record.residue === null ? (handler?.residue ?? null) : this.#same(record.residue),
      undoUntil: record.undo_until,
      form: handler?.form ?? null,
      resumed: record.undo_status === "undoing",
      forced,
    };
    if (verdict.forcible === false) step.forcible = false;
    return step;
  }

  #same(text: string): string {
    const known = this.#texts.get(text) ?? text;
    this.#texts.set(text, known);
    return known;
  }

  /** A trace's actions mostly follow each other. */
  #sameTrace(trace: string): string {
    if (trace !== this.#trace) this.#trace = trace;
    return this.#trace;
  }

  #verdict(record: ActionRecord, handler: HandlerFacts | null, seen: Seen, forced: boolean): Verdict {
    if (record.status === "refused") return { kind: "did not happen", why: "it was refused" };
    if (record.undo_status === "undone") return { kind: "done already", why: null };
    if (record.undo_status === "unverified" && !forced) return { kind: "done already", why: NOT_LOOKED_AT };
    const cannot = this.#cannot(record, handler, forced);
    if (cannot) return cannot;
    if (record.undo_status === "unknown" && !forced) {
      return {
        kind: "conflict",
        why: `an earlier run broke off at it: ${record.undo_error ?? "look whether it was done"}`,
      };
    }
    if (record.undo_status === "undoing") {
      return { kind: "undo", why: "an earlier run broke off at it: it is looked at first whether it was done" };
    }
    return this.#fromSeen(record, seen, forced);
  }

  #cannot(record: ActionRecord, handler: HandlerFacts | null, forced: boolean): Verdict | null {
    if (handler?.form === "irreversible") return { kind: "irreversible", why: handler.instead };
    if (handler === null) {
      if (record.undo_class === "irreversible") return { kind: "irreversible", why: record.residue };
      return { kind: "no handler", why: noHandler(record) };
    }
    const { undo_until: until } = record;
    if (until !== null && until <= this.#circumstances.now && !forced) {
      return { kind: "irreversible", why: `its undo window closed at ${new Date(until).toISOString()}` };
    }
    return null;
  }

  #fromSeen(record: ActionRecord, seen: Seen, forced: boolean): Verdict {
    switch (seen.kind) {
      case "nothing":
        // Nobody sees what it would do to what a newer action left there.
        if (this.#expected.isLeftOn(record) && !forced) return { kind: "conflict", why: STAYS };
        if (hasEnded(record) || forced) return { kind: "undo", why: "nothing can look whether it is back" };
        return { kind: "conflict", why: "it never ended, and nothing can look whether it happened" };
      case "unread":
        return { kind: "conflict", why: seen.why, forcible: false };
      case "state":
        return this.#fromState(record, seen.value, forced);
      case "rows":
        return this.#fromRows(record, seen, forced);
    }
  }

  #fromState(record: ActionRecord, value: unknown, forced: boolean): Verdict {
    const others = this.#expected.othersOn(record);
    const compared = compareState(record, this.#expected.state(record, value));
    if (compared === "before") return backWords(record);
    if (compared === "after" || forced) return { kind: "undo", why: null };
    // What a newer action of another type left is in this state too, and goes with it.
    if (others.length > 0 && hasEnded(record)) {
      return { kind: "undo", why: `looked at again once ${others.join(", ")} is undone` };
    }
    if (compared === "unrecorded") {
      return hasEnded(record)
        ? { kind: "undo", why: "not all of `before` and `after` is recorded: changes since then cannot be seen" }
        : { kind: "conflict", why: NEVER_ENDED };
    }
    return { kind: "conflict", why: hasEnded(record) ? "its state was changed since" : NEVER_ENDED };
  }

  #fromRows(record: ActionRecord, seen: Extract<Seen, { kind: "rows" }>, forced: boolean): Verdict {
    const now = this.#expected.rows(seen.database, seen.now);
    if (seen.after === null) {
      if (isAsBefore(seen.before, now, seen.leftOut)) return { kind: "did not happen", why: null };
      return forced ? { kind: "undo", why: null } : { kind: "conflict", why: NEVER_ENDED };
    }
    const back = this.#expected.back(seen.database);
    const difference = differenceOf(seen.before, seen.after, now, seen.leftOut, back);
    if (!forced) for (const cell of difference.back) back.add(cell);
    if (difference.changed === 0) return { kind: "did not happen", why: "it changed nothing" };
    if (difference.foreign.length > 0 && !forced) return { kind: "conflict", why: foreignWords(difference.foreign) };
    const changes = forced ? difference.forced : difference.ours;
    if (changes.length === 0) return backWords(record);
    const deleted = changes.filter(({ kind }) => kind === "delete");
    // Of a row that is changed back as well the run sees what it then points at.
    const own = new Set(changes.map(({ row }) => row));
    const dependents = deleted.flatMap(({ row }) => this.#remaining(seen, row, own));
    if (dependents.length > 0) return { kind: "conflict", why: cascadeWords(dependents), forcible: false };
    return { kind: "undo", why: seen.given ? "by the `before` and `after` that the action gave" : null };
  }

  /** Rows that point at one and that neither this step changes back nor a newer one deletes. */
  #remaining({ database, dependents }: Extract<Seen, { kind: "rows" }>, row: string, own: ReadonlySet<string>) {
    const gone = (one: string): boolean => this.#expected.isDeleted(database, one);
    return staying(dependents.get(row) ?? [], { has: (one) => own.has(one) || gone(one) });
  }

  #remember(record: ActionRecord, seen: Seen, forced: boolean): void {
    this.#expected.undo(record);
    if (seen.kind === "state") this.#expected.restoreState(record);
    if (seen.kind !== "rows" || seen.after === null) return;
    const { database, before } = seen;
    const now = this.#expected.rows(database, seen.now);
    const difference = differenceOf(before, seen.after, now, seen.leftOut, this.#expected.back(database));
    // Where an earlier run broke off it was done or will be: either way this is what it leaves.
    const isSure = forced || record.undo_status === "undoing";
    this.#expected.restore(database, isSure ? difference.forced : difference.ours, before);
  }
}

const NEVER_ENDED = "it never ended, and what is there now is not what was before";

const STAYS = "a newer action on the same target stays, and nothing can look what undoing this one would do to it";

const hasEnded = (record: ActionRecord): boolean => record.status === "done" || record.after !== undefined;

function backWords(record: ActionRecord): Verdict {
  return hasEnded(record)
    ? { kind: "done already", why: "what is there now is what was before" }
    : { kind: "did not happen", why: null };
}

/** How a state that was read stands to what an action recorded; what was redacted there is as good as not recorded. */
export function compareState(
  { before, after }: Pick<ActionRecord, "before" | "after">,
  now: unknown,
): "before" | "after" | "neither" | "unrecorded" {
  const isKnown = (recorded: unknown): boolean => recorded !== undefined && !holdsRedacted(recorded);
  const same = (recorded: unknown): boolean => isKnown(recorded) && sameJson(recorded, now ?? null);
  if (same(before)) return "before";
  if (same(after)) return "after";
  // Not to know what was there before is no leave to overwrite what differs from what was left.
  return before === undefined || !isKnown(after) ? "unrecorded" : "neither";
}

function noHandler({ undo }: ActionRecord): string {
  if (undo?.form === "function") return "its undo is a function of the agent: name its guard under rollback.guard";
  if (undo) return "what the ledger keeps to undo it is missing or damaged: name one under rollback.undo";
  return "name one under rollback.undo, or take it back by hand";
}

function classOf(record: ActionRecord, handler: HandlerFacts | null): UndoClass {
  if (handler?.form === "irreversible") return "irreversible";
  if (record.undo_class !== "unknown" || handler === null) return record.undo_class;
  if ((record.residue ?? handler.residue) !== null) return "compensable";
  return handler.form === "sql" || handler.looks ? "reversible" : "compensable";
}

/** What a plan stands on: another of these is another plan. A record's members come in one order; what it holds is anybody's. */
function digestOf({ entry, handler }: PlanInput): string {
  if (entry.damaged) return sha256(JSON.stringify({ damaged: entry.damaged.why }));
  const { undo_status: _status, undo_run: _run, undone_at: _at, undo_error: _error, ...recorded } = entry.record;
  return sha256(JSON.stringify({ recorded, handler: handler?.digest ?? null }));
}

function damagedStep({ id, why, row }: DamagedRecord): Step {
  const at = row["started_at"];
  const text = (name: string): string | null => (typeof row[name] === "string" ? row[name] : null);
  return {
    id,
    trace: text("trace_id") ?? "",
    type: text("type") ?? "?",
    target: text("target"),
    subject: text("subject"),
    startedAt: typeof at === "number" && isMoment(at) ? at : 0,
    kind: "conflict",
    why: `its row in the ledger is damaged: ${why}`,
    forcible: false,
    class: "unknown",
    residue: null,
    undoUntil: null,
    form: null,
    resumed: false,
    forced: false,
  };
}

/** Plans actions that come newest first. */
export function planActions(inputs: Iterable<PlanInput>, circumstances: Circumstances): Step[] {
  const planner = new Planner(circumstances);
  return [...inputs].map((input) => planner.add(input));
}
