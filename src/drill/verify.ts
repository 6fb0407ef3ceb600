import { canonicalJson } from "../values/canonical-json.ts";
import { sha256 } from "../values/hash-chain.ts";
import type { SwitchLogEntry } from "../evidence/facts.ts";
import { REHEARSAL_OVER } from "../values/drill-words.ts";
import type { DrillLine } from "./line.ts";
import { verdictOf } from "./verdict.ts";

/** How far the switch's clock, or a log that keeps whole seconds, may be off. */
const SKEW_MS = 5_000;
/** After the release a drill waits up to 60 s for writes, then sees the steady state again; past this `endedAt` was moved. */
const AFTER_RELEASE_MS = 120_000;

/** What a line says of the time before the release: all that its digest covers. */
export type Measured = Pick<
  DrillLine,
  | "schema"
  | "agent"
  | "version"
  | "environment"
  | "scope"
  | "mark"
  | "startedAt"
  | "stop"
  | "reads"
  | "user"
  | "alertAfterMs"
  | "undone"
  | "breaker"
  | "troubles"
  | "faults"
  | "by"
> & { switch: Pick<DrillLine["switch"], "series"> };

/**
 * SHA-256 in hex of the canonical JSON of everything measured before the release; the release carries it to the switch.
 * Covered: schema, agent, version, environment, scope, mark, startedAt, stop, reads, user, alertAfterMs, undone, breaker,
 * troubles, faults, by and switch.series. Not covered, because only the release or what follows it tells: endedAt, releasedAfterMs,
 * switch.epochs, switch.entry, verdict, digest, previous and hash.
 */
export function digestOfMeasured(line: Measured): string {
  const measured: Measured = {
    schema: line.schema,
    agent: line.agent,
    version: line.version,
    environment: line.environment,
    scope: line.scope,
    mark: line.mark,
    startedAt: line.startedAt,
    stop: line.stop,
    reads: line.reads,
    user: line.user,
    alertAfterMs: line.alertAfterMs,
    undone: line.undone,
    breaker: line.breaker,
    troubles: line.troubles,
    faults: line.faults,
    by: line.by,
    switch: { series: line.switch.series },
  };
  return sha256(canonicalJson(measured));
}

/** Holds a line against the switch's own log: by digest, mark, scope and both times (contract, section 7). */
export function verifyAgainstSwitchLog(line: DrillLine, entries: readonly SwitchLogEntry[]): true | { why: string } {
  if (!hasOwnDigest(line)) return { why: "its digest does not fit what it says was measured" };
  const measured = verdictOf(line, ANY_POLICY);
  if (line.verdict.held && !measured.held) return { why: `it says that it held, and it did not: ${measured.why}` };
  const marked = entries.filter((entry) => entry.reason !== null && hasWord(entry.reason, line.mark));
  if (marked.length === 0) return { why: `the switch's log has no order marked ${line.mark}` };
  const releases = marked.filter((entry) => digestsIn(entry).includes(line.digest));
  if (releases.length === 0) return { why: "the switch's log has no release that carries its digest" };
  const others = marked.filter((entry) => !releases.includes(entry));
  if (others.some(({ reason }) => reason?.includes(REHEARSAL_OVER))) {
    return { why: "the switch's log has its order as a rehearsal's, which was released without a digest" };
  }
  if (others.length === 0) return { why: "the switch's log has no activation for it" };
  const places = verifyPlaces(line, others, releases);
  return places === true ? verifyNumbers(line, marked, releases) : places;
}

/** Whether a line's digest is that of what it says: else nobody changed it and knew. */
export const hasOwnDigest = (line: DrillLine): boolean => digestOfMeasured(line) === line.digest;

/** Whatever a team asks for beyond: what did not hold under it held under none. */
const ANY_POLICY = { stopWithinMs: Infinity, undoWithinMs: Infinity };

/** A switch of ours numbers its orders, and a line that names any must name its own. */
function verifyNumbers(
  { switch: named }: DrillLine,
  marked: readonly SwitchLogEntry[],
  releases: readonly SwitchLogEntry[],
): true | { why: string } {
  const hashes = releases.flatMap(({ own }) => own?.hash ?? []);
  if (hashes.length === 0) return true;
  const epochs = new Set(marked.map(({ own }) => own?.epoch ?? null));
  const foreign = named.epochs.find((epoch) => !epochs.has(epoch));
  if (foreign !== undefined)
    return { why: `epoch ${foreign}, which it names, is none of its orders in the switch's log` };
  const isThere = named.entry === null || hashes.includes(named.entry);
  return isThere ? true : { why: "the entry that it names is not that of its release in the switch's log" };
}

function verifyPlaces(
  line: DrillLine,
  activations: readonly SwitchLogEntry[],
  releases: readonly SwitchLogEntry[],
): true | { why: string } {
  const activated = timesOn(line.scope, activations);
  const released = timesOn(line.scope, releases);
  if ("why" in activated) return activated;
  if ("why" in released) return released;
  const from = Date.parse(line.startedAt) - SKEW_MS;
  const to = Date.parse(line.endedAt) + SKEW_MS;
  const ends = released.times.filter((at) => at >= Math.max(from, to - AFTER_RELEASE_MS) && at <= to);
  if (ends.length === 0) return { why: "its end is not when the switch's log has its release" };
  const last = Math.max(...ends);
  return activated.times.some((at) => at >= from && at <= last)
    ? true
    : { why: "its beginning is not when the switch's log has its activation" };
}

function timesOn(scope: string, entries: readonly SwitchLogEntry[]): { times: number[] } | { why: string } {
  const onScope = entries.filter((entry) => entry.scope === scope);
  if (onScope.length === 0) {
    const given = entries.some((entry) => entry.scope !== null);
    return {
      why: given ? `the switch's log has it on another scope than ${scope}` : "the switch's log gives no scopes",
    };
  }
  const times = onScope.flatMap(({ at }) => (at === null ? [] : [at]));
  return times.length > 0 ? { times } : { why: "the switch's log gives no times" };
}

/** The digests that an entry carries: the release of a drill has one, that of a rehearsal none. */
function digestsIn({ reason, evidence }: SwitchLogEntry): string[] {
  const words = wordsIn(reason ?? "").filter((word) => /^[0-9a-f]{64}$/.test(word));
  return evidence === undefined ? words : [...words, evidence];
}

/** A drill that the switch's log has and that no line accounts for: its line was removed, or never written. */
export interface Unaccounted {
  /** Epoch milliseconds. */
  at: number;
  /** The release's reason, which holds the mark. */
  reason: string;
}

/** When the switch has the release of this drill (epoch milliseconds); null where it has none. */
export function releasedAt({ digest }: DrillLine, entries: readonly SwitchLogEntry[]): number | null {
  const times = entries.flatMap((entry) => (entry.at !== null && digestsIn(entry).includes(digest) ? [entry.at] : []));
  return times.length === 0 ? null : Math.max(...times);
}

/**
 * Drills on these scopes in the switch's log that none of these lines accounts for, oldest first. A line whose digest is
 * not its own accounts for nothing: it may have been changed until nobody counts it any more.
 */
export function unaccountedFor(
  lines: readonly DrillLine[],
  entries: readonly SwitchLogEntry[],
  scopes: ReadonlySet<string>,
): Unaccounted[] {
  const known = new Set(lines.filter(hasOwnDigest).map(({ digest }) => digest));
  return entries
    .flatMap((entry) => {
      const { at, scope, reason } = entry;
      if (at === null || scope === null || !scopes.has(scope)) return [];
      const digests = digestsIn(entry);
      const isMissing = digests.length > 0 && !digests.some((digest) => known.has(digest));
      return isMissing ? [{ at, reason: reason ?? "" }] : [];
    })
    .sort((a, b) => a.at - b.at);
}

/** `clawproof-7f3a91` must not be found in `clawproof-7f3a912`. */
function hasWord(text: string, word: string): boolean {
  return wordsIn(text).includes(word);
}

function wordsIn(text: string): string[] {
  return text.split(/[^A-Za-z0-9_-]+/);
}
