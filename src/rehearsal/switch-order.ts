import { createHash } from "node:crypto";
import type { Project } from "../config/project.ts";
import type { OwnSwitch } from "../config/own-switch.ts";
import type { ForeignSwitch } from "../config/schema.ts";
import type { PlaceholderValues } from "../config/template.ts";
import { contextOf } from "../doors/context.ts";
import { type Answer, type Call, CallFailed } from "../doors/door.ts";
import { matches } from "../doors/expectation.ts";
import { answerJson, readThrough } from "../doors/reading.ts";
import { send } from "../doors/send.ts";
import type { SwitchLogEntry } from "../evidence/facts.ts";
import { isOurs, logCallOf, readLog } from "../evidence/switch-log.ts";

/** One order of ours on the switch: what its calls are filled with, and what the switch says about it. */
export interface Order {
  project: Project;
  killSwitch: ForeignSwitch | OwnSwitch;
  /** As the configuration says it; `whole` for a switch that knows no scopes. */
  scope: string;
  mark: string;
  activator: string;
  /** Of a drill: the trace of everything that it has the agent do. Each probe has one of its own otherwise. */
  trace?: string | undefined;
  /** Of a drill: on a switch that knows modes, only writes are stopped. */
  writesOnly?: boolean;
}

/** Longer than any rehearsal takes, for switches that let an order expire by itself. */
const TTL_SECONDS = 600;

/** What `${…}` stands for in the calls of an order; the reason carries the mark. */
export function fillingOf(
  { scope, mark, activator, trace }: Omit<Order, "killSwitch">,
  doing: string,
): PlaceholderValues {
  const reason = `${mark}: ${doing}`;
  const filling = { scope: scope === "whole" ? "*" : scope, mark, activator, reason, ttlSeconds: TTL_SECONDS };
  return trace === undefined ? filling : { ...filling, trace };
}

/** The calls of a rehearsal: the twins under `rehearse` replace the main ones. */
export function callsOf({ rehearse, status, activate, release }: ForeignSwitch) {
  return {
    status: rehearse?.status ?? status,
    activate: rehearse?.activate ?? activate,
    release: rehearse?.release ?? release,
  };
}

/** Sends a call that must be answered as it expects. Throws CallFailed, also where the answer is another. */
export async function ask(call: Call, order: Order, doing: string, signal?: AbortSignal): Promise<Answer> {
  const answer = await send(call, contextOf(order.project, fillingOf(order, doing), signal ? { signal } : {}));
  const match = matches(answer, call.expect);
  if (match.met) return answer;
  throw new CallFailed("other", match.why, answer.sentAt, answer.arrivedAt);
}

/** Whether the switch says that the scope is stopped. Throws CallFailed, also where it says neither yes nor no. */
export async function isStopped(order: Order, signal?: AbortSignal): Promise<boolean> {
  const { status } = callsOf(order.killSwitch);
  const answer = await ask(status, order, "status", signal);
  const json = answerJson(answer);
  const said = "why" in json ? undefined : readThrough(json.value, status.stopped);
  if (typeof said === "boolean") return said;
  const why = "why" in json ? json.why : `has neither true nor false at ${JSON.stringify(status.stopped)}`;
  throw new CallFailed("other", why, answer.sentAt, answer.arrivedAt);
}

/** All entries of the switch's log; null where none is configured. Throws LogUnread. */
export async function readEntries(order: Order, signal?: AbortSignal): Promise<SwitchLogEntry[] | null> {
  const call = logCallOf(order.project);
  return call && readLog(call, order.project, fillingOf(order, "log"), signal);
}

/** What the log held on the scope before our order, as digests: what is not among them came since. */
export function snapshotOf(order: Order, entries: readonly SwitchLogEntry[]): string[] {
  return entries.filter((entry) => isOnScope(order, entry)).map(digestOf);
}

/** The entry of our own order: by the mark or, where no reason is kept, by our name and not there before. */
export function ourEntry(
  order: Order,
  entries: readonly SwitchLogEntry[],
  before: readonly string[],
): SwitchLogEntry | null {
  const marked = entries.find(({ reason }) => reason?.includes(order.mark) === true);
  const since = entriesSince(order, entries, before);
  return marked ?? since.find((entry) => isOurs(entry, order.mark, order.activator)) ?? nameless(since);
}

/** Somebody else's entry on the scope since our order; the order in force may be theirs. Null where there is none. */
export function foreignEntry(
  order: Order,
  entries: readonly SwitchLogEntry[],
  before: readonly string[],
): SwitchLogEntry | null {
  const ours = ourEntry(order, entries, before);
  const others = entriesSince(order, entries, before).filter(
    (entry) => entry !== ours && !isOurs(entry, order.mark, order.activator),
  );
  return others.at(-1) ?? null;
}

/** Counted rather than looked up: an entry may well equal an older one to the letter. */
function entriesSince(order: Order, entries: readonly SwitchLogEntry[], before: readonly string[]): SwitchLogEntry[] {
  const known = new Map<string, number>();
  for (const digest of before) known.set(digest, (known.get(digest) ?? 0) + 1);
  return entries.filter((entry) => {
    if (!isOnScope(order, entry)) return false;
    const digest = digestOf(entry);
    const left = known.get(digest) ?? 0;
    known.set(digest, left - 1);
    return left <= 0;
  });
}

/** One entry that names nobody and nothing is our own order, in a log that keeps neither; a second one is not. */
function nameless(since: readonly SwitchLogEntry[]): SwitchLogEntry | null {
  const [only, second] = since.filter(({ by, reason }) => by === null && reason === null);
  return only !== undefined && second === undefined ? only : null;
}

function isOnScope(order: Order, { scope }: SwitchLogEntry): boolean {
  return order.scope === "whole" || scope === order.scope;
}

function digestOf({ at, by, reason, scope }: SwitchLogEntry): string {
  return createHash("sha256")
    .update(JSON.stringify([at, by, reason, scope]))
    .digest("hex")
    .slice(0, 16);
}
