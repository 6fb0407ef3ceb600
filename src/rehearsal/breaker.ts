import { contextOf } from "../doors/context.ts";
import type { BreakerRehearsalFacts } from "../evidence/facts.ts";
import type { Gathering } from "../evidence/gathering.ts";
import type { Project } from "../config/project.ts";
import type { PlaceholderValues } from "../config/template.ts";
import { matches } from "../doors/expectation.ts";
import { CallFailed } from "../doors/door.ts";
import { type ActingEntry, holdActing } from "./acting-file.ts";
import type { BreakerPlan } from "./consent.ts";
import { type Limits, LIMITS } from "./limits.ts";
import { newMark } from "./mark.ts";
import { held } from "./pause.ts";
import { answerOf, namedOutcome, type Probed, sendProbe } from "./probe.ts";
import { createProber, type Prober, stopIfInterrupted } from "./prober.ts";
import { commandLine, type PutBack, sendUntilTaken } from "./put-back.ts";
import { noReads, type ReadCounts, readBeside } from "./reads.ts";
import { type Steady, steadyState } from "./steady.ts";
import { writesAgain } from "./writes-again.ts";

/** The breaker, opened and closed again (contract, 2.4, last paragraph). */

/** What one opening brought; `why`: it did not begin, or nothing can be said. */
export type Opening = { facts: BreakerRehearsalFacts; openedAt: number } | { why: string };

/**
 * Opens the breaker, watches writes and reads, and closes it whatever happens. `trace`: of a drill, which all probes
 * belong to. Throws Interrupted, when it is closed.
 */
export async function openOnce(
  plan: BreakerPlan,
  gathering: Gathering,
  limits: Limits = LIMITS,
  trace?: string,
): Promise<Opening> {
  const { project, clock, signal, activator, progress } = gathering;
  stopIfInterrupted(signal);
  const mark = newMark();
  const filling = breakerFilling({ scope: plan.scope, mark, activator, trace });
  const acting = holdActing(project.directory, () => actingEntry(plan, { mark, trace }, filling, gathering));
  // No interrupt cuts a drill's writes off: one that the agent still makes would come after what takes them back.
  const write = () => sendProbe(plan.probes.write, project, filling, trace === undefined ? signal : undefined);
  const prober = createProber(write, { everyMs: limits.every, clock, signal });
  const opening: OpeningBreaker = { plan, gathering, limits, filling, prober };
  progress.show("rehearsing the circuit breaker … are writes and reads accepted?");
  let steady: Steady | { why: string };
  try {
    steady = await steadyWithReads(opening, () => acting.begin());
  } catch (error) {
    await acting.end();
    throw error;
  }
  if ("why" in steady) {
    await acting.end();
    return steady;
  }
  const openedAt = clock.now();
  let seen: Watched | { why: string } | null = null;
  let thrown: { error: unknown } | null = null;
  try {
    seen = await openAndWatch(opening);
  } catch (error) {
    thrown = { error };
  }
  progress.show("closing the circuit breaker …");
  const back = await closeBreaker(project, filling, gathering, limits);
  if (back.state === "not-back")
    gathering.notBack.push({ what: `the circuit breaker: ${back.why}`, command: back.command });
  else await acting.end();
  progress.clear();
  stopIfInterrupted(signal);
  if (thrown) throw thrown.error;
  if (seen === null || "why" in seen) return seen ?? { why: "nothing was seen" };
  return { facts: { ...seen, backAfterMs: back.state === "back" ? back.afterMs : null }, openedAt };
}

interface OpeningBreaker {
  plan: BreakerPlan;
  gathering: Gathering;
  limits: Limits;
  filling: PlaceholderValues;
  prober: Prober;
}

type Watched = Omit<BreakerRehearsalFacts, "backAfterMs">;

/** What `${…}` stands for in `open` and `close`. */
export function breakerFilling({
  scope,
  mark,
  activator,
  trace,
}: {
  scope: string;
  mark: string;
  activator: string;
  trace?: string | undefined;
}): PlaceholderValues {
  return {
    ...(trace === undefined ? {} : { trace }),
    scope: scope === "whole" ? "*" : scope,
    mark,
    activator,
    reason: `${mark}: rehearsal of the circuit breaker`,
  };
}

async function actingEntry(
  { scope, close }: BreakerPlan,
  { mark, trace }: Pick<ActingEntry, "mark" | "trace">,
  filling: PlaceholderValues,
  { project, activator, clock }: Gathering,
): Promise<ActingEntry> {
  return {
    what: "breaker",
    scope,
    mark,
    activator,
    trace,
    environment: project.environment,
    config: project.sha256,
    at: new Date(clock.now()).toISOString(),
    putBack: await commandLine(close, project, filling),
    logBefore: null,
  };
}

async function steadyWithReads(
  opening: OpeningBreaker,
  begin: () => Promise<string | null>,
): Promise<Steady | { why: string }> {
  const { gathering, limits, prober } = opening;
  const reads = noReads();
  return withReads(opening, reads, () =>
    steadyState(prober, {
      clock: gathering.clock,
      limits,
      expected: null,
      before: "the breaker was opened",
      prepare: async () =>
        reads.firstFailure !== null
          ? `${reads.sent - reads.accepted} of ${reads.sent} probe reads were not accepted before the breaker was opened (${reads.firstFailure})`
          : begin(),
    }),
  );
}

/** Does something while probe reads go on beside it. */
async function withReads<T>(
  { plan, gathering, limits, filling }: OpeningBreaker,
  counts: ReadCounts,
  work: () => Promise<T>,
): Promise<T> {
  const beside = new AbortController();
  const signal = AbortSignal.any([gathering.signal, beside.signal]);
  const reading = held(
    readBeside(
      { read: plan.probes.read, project: gathering.project, filling, signal },
      limits.breakerReadEvery,
      counts,
    ),
  );
  try {
    return await work();
  } finally {
    beside.abort();
    await reading;
  }
}

async function openAndWatch(opening: OpeningBreaker): Promise<Watched | { why: string }> {
  const { plan, gathering, limits, filling } = opening;
  const { project, signal, clock } = gathering;
  // No interrupt cuts it off: it could come after what closes the breaker again.
  const answer = await answerOf(plan.open, contextOf(project, filling));
  stopIfInterrupted(signal);
  if (answer instanceof CallFailed) return { why: `the breaker was not opened: ${answer.why}` };
  const match = matches(answer, plan.open.expect);
  if (!match.met) return { why: `the breaker was not opened: ${match.why}` };
  const deadline = answer.sentAt + limits.open;
  for (;;) {
    const refused = await firstRefusal(opening, deadline);
    if (refused !== true) return refused;
    const watched = await watchOpened(opening);
    // An agent of several instances opens one after the other: what counts is that all are open in time.
    if ("why" in watched || watched.writesRefused || clock.monotonic() >= deadline) return watched;
  }
}

/** True once a write is refused; else what that says. */
async function firstRefusal(
  { prober, gathering }: OpeningBreaker,
  deadline: number,
): Promise<true | Watched | { why: string }> {
  while (gathering.clock.monotonic() < deadline) {
    const probed = await prober.next();
    if (probed.heard.kind === "refused") return true;
    if (probed.heard.kind === "neither") return { why: `with the breaker open a probe write ${verbFor(probed)}` };
    gathering.progress.show("the circuit breaker is opened … writes still accepted");
  }
  return { writesRefused: false, writesAccepted: 0, reads: noReads() };
}

function verbFor(probed: Probed): string {
  const named = namedOutcome(probed);
  return probed.outcome instanceof CallFailed ? `failed (${named})` : `was ${named}`;
}

/** So long no write may be accepted, and every read must be. */
async function watchOpened(opening: OpeningBreaker): Promise<Watched | { why: string }> {
  const { prober, gathering, limits } = opening;
  const { clock, progress } = gathering;
  const until = clock.monotonic() + limits.opened;
  const reads = noReads();
  let writesAccepted = 0;
  let unclear: string | null = null;
  await withReads(opening, reads, async () => {
    while (unclear === null && clock.monotonic() < until) {
      progress.show("the circuit breaker is open … writes refused, do reads go on?");
      const probed = await prober.next();
      if (probed.heard.kind === "accepted") writesAccepted += 1;
      if (probed.heard.kind === "neither") unclear = verbFor(probed);
    }
  });
  const why = unclear as string | null;
  if (why !== null) return { why: `with the breaker open a probe write ${why}` };
  return { writesRefused: writesAccepted === 0, writesAccepted, reads };
}

/** Closes the breaker and waits until writes are accepted again. Obeys no interrupt. */
export async function closeBreaker(
  project: Project,
  filling: PlaceholderValues,
  { clock }: Pick<Gathering, "clock">,
  limits: Limits,
): Promise<PutBack> {
  const close = project.config.breaker?.rehearse?.close;
  const write = project.config.agent.probes?.write;
  if (!close) return { state: "not-back", why: "breaker.rehearse.close is not configured", command: "" };
  const notBack = async (why: string): Promise<PutBack> => {
    return { state: "not-back", why, command: await commandLine(close, project, filling) };
  };
  const sentAt = clock.monotonic();
  const refused = await sendUntilTaken(close, project, filling, { clock, limits });
  if (refused !== null) return notBack(`closing it failed: ${refused}`);
  if (!write) return { state: "back", afterMs: null };
  const again = await writesAgain(() => sendProbe(write, project, filling), sentAt, clock, limits);
  return "why" in again ? notBack(again.why) : { state: "back", afterMs: again.afterMs };
}
