import type { StopOutcome } from "../evidence/facts.ts";
import type { Limits } from "./limits.ts";

/**
 * When writes ended, told from probe writes that are sent one after the other (contract, 2.4 step 3). Pure, and its
 * memory does not grow with the probes. All times are monotonic milliseconds.
 */

export type Heard = { kind: "accepted" } | { kind: "refused" } | { kind: "neither"; why: string };

export interface Probe {
  sentAt: number;
  settledAt: number;
  heard: Heard;
  /** Who answered, where the configuration says how to tell. */
  instance: string | null;
}

export interface TimelineOptions {
  /** When the last probe before the pull was started. */
  lastStart: number;
  /** Instances seen accepting before the pull; empty where they are not told apart. */
  instances: readonly string[];
  /** Whether `probes.sink` is looked at: then writes that land late end the stop time. */
  sink: boolean;
  limits: Pick<Limits, "quiet" | "refusals" | "refusalsOfEach" | "instancePatience" | "stop" | "sinkQuiet">;
}

export interface Timeline {
  /** The activation is being sent; said again once the true moment is known. */
  pulled(at: number): void;
  /** The switch answered the activation. */
  answered(at: number): void;
  /** The next probe, in the order in which they were sent. */
  take(probe: Probe): void;
  /** The sink was read at `at`; `landed`: it held more than `sinceMs` before. */
  looked(at: number, landed: boolean, sinceMs: number): void;
  /** What can be said so far; null while it is open. */
  outcome(): StopOutcome | null;
  acceptedAfterAnswer(): number;
  /** Longest gap between two starts from the last before the pull on, or between the looks that saw the last landing. */
  resolutionMs(): number;
  /** Instances that refused often enough since they last accepted. */
  stopped(): string[];
}

interface Streak {
  firstAt: number;
  /** Refusals after the first. */
  more: number;
  ofInstance: Map<string, number>;
}

export function createTimeline({ lastStart, instances, sink, limits }: TimelineOptions): Timeline {
  let start = 0;
  let answeredAt: number | null = null;
  let now = lastStart;
  let neither: string | null = null;
  let streak: Streak | null = null;
  let slipped = 0;
  let acceptedBeforeAnswer: number[] = [];
  let gap = 0;
  let previousStart = lastStart;
  let lastLook: number | null = null;
  let landing: { at: number; gap: number } | null = null;
  const refusedBy = new Map<string, number>();

  const accept = ({ sentAt, instance }: Probe): void => {
    streak = null;
    if (instance !== null) refusedBy.delete(instance);
    if (answeredAt === null) acceptedBeforeAnswer.push(sentAt);
    else if (sentAt > answeredAt) slipped += 1;
  };
  const refuse = ({ settledAt, instance }: Probe): void => {
    if (streak === null) streak = { firstAt: settledAt, more: 0, ofInstance: new Map() };
    else streak.more += 1;
    if (instance === null) return;
    increase(streak.ofInstance, instance);
    increase(refusedBy, instance);
  };
  const allSeen = ({ ofInstance, firstAt, more }: Streak): boolean => {
    if (instances.every((name) => (ofInstance.get(name) ?? 0) >= limits.refusalsOfEach)) return true;
    if (now - start >= limits.stop) return true;
    return now - firstAt >= limits.instancePatience && more >= limits.refusals * instances.length;
  };
  const isQuiet = (one: Streak): boolean =>
    now - one.firstAt >= limits.quiet && one.more >= limits.refusals && allSeen(one);
  const sinkState = (one: Streak): "quiet" | "open" | "unread" => {
    if (!sink) return "quiet";
    const end = Math.max(one.firstAt, landing?.at ?? one.firstAt);
    if (lastLook !== null && lastLook - end >= limits.sinkQuiet) return "quiet";
    return now - Math.max(end, lastLook ?? end) >= 2 * limits.sinkQuiet ? "unread" : "open";
  };

  return {
    pulled(at) {
      start = at;
    },
    answered(at) {
      answeredAt = at;
      slipped += acceptedBeforeAnswer.filter((sentAt) => sentAt > at).length;
      acceptedBeforeAnswer = [];
    },
    take(probe) {
      gap = Math.max(gap, probe.sentAt - previousStart);
      previousStart = probe.sentAt;
      now = probe.settledAt;
      if (probe.heard.kind === "accepted") accept(probe);
      else if (probe.heard.kind === "refused") refuse(probe);
      else neither ??= probe.heard.why;
    },
    looked(at, landed, sinceMs) {
      lastLook = at;
      if (landed && at > start) landing = { at, gap: sinceMs };
    },
    outcome() {
      if (neither !== null) return { state: "unknown", why: neither };
      const end = streak === null ? now : Math.max(streak.firstAt, landing?.at ?? streak.firstAt);
      if (streak !== null && streak.firstAt < start) {
        return { state: "unknown", why: "the agent refused before the switch was pulled" };
      }
      if (end - start > limits.stop) return { state: "not-stopped", afterMs: limits.stop };
      if (streak === null || !isQuiet(streak)) return null;
      const state = sinkState(streak);
      if (state === "unread") return { state: "unknown", why: "the place where writes land could not be read" };
      return state === "quiet" ? { state: "stopped", ms: end - start } : null;
    },
    acceptedAfterAnswer: () => slipped,
    resolutionMs() {
      const decides = streak !== null && landing !== null && landing.at > streak.firstAt;
      return decides ? Math.max(gap, landing?.gap ?? 0) : gap;
    },
    stopped: () => [...refusedBy].filter(([, count]) => count >= limits.refusalsOfEach).map(([name]) => name),
  };
}

function increase(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
