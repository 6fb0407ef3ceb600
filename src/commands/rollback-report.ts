import type { Outcome, OutcomeKind } from "../rollback/outcome.ts";
import { isSettled, whyOf } from "../rollback/outcome.ts";
import { isUnverified, STEP_KINDS, type Step } from "../rollback/step.ts";
import { bothMoments, localMoment, windowWords } from "../values/moment.ts";

/** What `rollback` prints of a plan and of a run: pure. */

export interface PlanHead {
  environment: string | null;
  /** The ledger, as reports show it. */
  ledger: string;
  /** Those whose rows are put back. */
  databases: readonly string[];
  since: number | undefined;
  until: number | undefined;
  hash: string;
  /** What the switch says of the agent, or of the version, that is taken back; null where no switch is configured. */
  agent: { name: string; mode: string } | { name: string; why: string } | null;
  /** Why the guard's functions cannot be used. */
  guardFailed: string | null;
  /** `--limit`. */
  limit: number | undefined;
}

const several = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

/** `337 undo, 3 conflict`. */
function kindCounts(steps: readonly Step[]): string {
  const words = STEP_KINDS.flatMap((kind) => {
    const count = steps.filter((step) => step.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  return words.join(", ");
}

export function headLines(head: PlanHead, steps: readonly Step[], now: number): string[] {
  const types = [...new Set(steps.map(({ type }) => type))];
  const lines = [
    `rollback${head.environment === null ? "" : ` in ${head.environment}`} by ${head.ledger}`,
    ...(head.databases.length === 0 ? [] : [`rows in ${head.databases.join(", ")}`]),
    ...windowWords(head),
    `${several(steps.length, "action")}: ${kindCounts(steps)}`,
    ...(steps.length === head.limit
      ? [`the newest alone, by --limit ${head.limit}: older ones that match are left`]
      : []),
    ...types.map((type) =>
      typeLine(
        type,
        steps.filter((step) => step.type === type),
      ),
    ),
    ...horizonLines(steps, now),
    ...agentLines(head),
  ];
  if (head.guardFailed !== null) lines.push(`WARNING: the guard's undo functions cannot be used: ${head.guardFailed}`);
  return lines;
}

function typeLine(type: string, steps: readonly Step[]): string {
  const classes = [...new Set(steps.map((step) => step.class))].map((name) => {
    const count = steps.filter((step) => step.class === name).length;
    return steps.length === count ? name : `${count} ${name}`;
  });
  const residues = [
    ...new Set(steps.flatMap(({ residue, kind }) => (residue !== null && kind === "undo" ? [residue] : []))),
  ];
  const stays = residues.length === 0 ? "" : `; what stays: ${residues.join(", ")}`;
  return `  ${type}: ${kindCounts(steps)} (${classes.join(", ")}${stays})`;
}

function horizonLines(steps: readonly Step[], now: number): string[] {
  const open = steps.filter(({ kind, undoUntil }) => kind === "undo" && undoUntil !== null && undoUntil > now);
  const next = open.reduce((soonest, { undoUntil }) => Math.min(soonest, undoUntil ?? Infinity), Infinity);
  if (!Number.isFinite(next)) return [];
  const closing = open.filter(({ undoUntil }) => undoUntil === next);
  const minutes = Math.floor((next - now) / 60_000);
  return [
    `next undo window to close: ${bothMoments(next)}, in ${minutes} min (${closing[0]?.type ?? ""}, ${several(closing.length, "action")})`,
  ];
}

function agentLines({ agent }: PlanHead): string[] {
  if (agent === null) return [];
  if ("why" in agent) return [`WARNING: whether ${agent.name} is still running is not known: ${agent.why}`];
  if (agent.mode !== "running") return [`${agent.name} is ${agent.mode}`];
  return [
    `WARNING: ${agent.name} is still running, and may act while this goes on: clawproof kill ${agent.name} REASON`,
  ];
}

/** One line per action: when, what is done, type, target, why, and its id. */
export function stepLine(step: Step): string {
  const why = step.why === null ? "" : ` — ${step.why}`;
  const forced = step.forced ? " (forced)" : "";
  const at = step.startedAt === 0 ? "?" : localMoment(step.startedAt);
  return `${at}  ${step.kind.padEnd(WIDEST)}  ${step.type}  ${step.target ?? "-"}  ${step.id}${forced}${why}`;
}

const WIDEST = Math.max(...STEP_KINDS.map((kind) => kind.length));

/** Everything that a run leaves for a person. */
export interface Left {
  step: Step;
  /** The outcome, or the plan's kind where nothing was tried. */
  what: OutcomeKind | Step["kind"];
  why: string | null;
  /** What a person does about it. */
  next: string;
}

const BY_HAND: Record<string, string> = {
  conflict: "look what is there now; --force ID puts it back all the same",
  irreversible: "do by hand what the plan says of it",
  "too late": "do it by hand; --force ID tries it all the same",
  "no handler": "take it back by hand, or name a handler and run it again",
  failed: "remove the cause and run the same command again",
  blocked: "run the same command again once the newer one is settled",
  unknown: "look whether it was done; --force ID does it (again)",
  unverified: "look whether it is really back",
  held: "wait until the other run ends (30 s where it was killed), then run the same command again",
  "not tried": "run the same command again",
};

const UNFORCIBLE = "remove the cause and run the same command again, or do it by hand";
const nextOf = (what: string, of: Outcome | Step): string => ("forcible" in of ? UNFORCIBLE : (BY_HAND[what] ?? ""));

/** Its handler is still there, and its undo window has closed. */
const isTooLate = ({ kind, form, undoUntil }: Step): boolean =>
  kind === "irreversible" && form !== null && form !== "irreversible" && undoUntil !== null;

/** What is not settled, in the plan's order. `outcomes` is null for a plan that nobody carried out. */
export function leftOf(steps: readonly Step[], outcomes: ReadonlyMap<string, Outcome> | null): Left[] {
  return steps.flatMap((step): Left[] => {
    const outcome = outcomes?.get(step.id);
    if (outcome) {
      if (isSettled(outcome)) return [];
      return [{ step, what: outcome.kind, why: whyOf(outcome), next: nextOf(outcome.kind, outcome) }];
    }
    if (step.kind === "undo") return [];
    if (!isUnverified(step) && (step.kind === "done already" || step.kind === "did not happen")) return [];
    const what = isUnverified(step) ? "unverified" : isTooLate(step) ? "too late" : step.kind;
    return [{ step, what: step.kind, why: step.why, next: nextOf(what, step) }];
  });
}

const UNTRIED: ReadonlySet<OutcomeKind> = new Set(["not tried", "held", "blocked"]);

export function outcomeLines(steps: readonly Step[], outcomes: ReadonlyMap<string, Outcome>): string[] {
  const left = leftOf(steps, outcomes);
  const counts = new Map<OutcomeKind, number>();
  for (const { kind } of outcomes.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const words = [...counts].map(([kind, count]) => `${count} ${kind === "already" ? "done already" : kind}`);
  const tried = [...outcomes.values()].filter(({ kind }) => !UNTRIED.has(kind)).length;
  const of = tried === outcomes.size ? "" : `${tried} of `;
  const lines = [`Tried ${of}${several(outcomes.size, "action")}: ${words.join(", ") || "none"}`];
  if (left.length === 0) return [...lines, "Nothing is left."];
  lines.push(`Left: ${several(left.length, "action")}`);
  for (const { step, what, why, next } of left) {
    lines.push(
      `  ${what}  ${step.type}  ${step.target ?? "-"}  ${step.id}${why === null ? "" : ` — ${why}`}`,
      `    ${next}`,
    );
  }
  return lines;
}
