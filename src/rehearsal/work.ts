import type { Call } from "../config/call.ts";
import type { Probes } from "../config/schema.ts";
import { contextOf } from "../doors/context.ts";
import { type Answer, CallFailed } from "../doors/door.ts";
import { matches } from "../doors/expectation.ts";
import { answerJson } from "../doors/reading.ts";
import { readPointer } from "../values/pointer.ts";
import type { Clock } from "../values/clock.ts";
import { type Limits, STOP_WITHIN_MS } from "./limits.ts";
import { everySo, held } from "./pause.ts";
import { answerOf, DRILL_HEADERS } from "./probe.ts";
import { fillingOf, type Order } from "./switch-order.ts";
import { newTrace } from "./trace.ts";

/** Work that is under way when the switch is pulled, and the place where its writes land (contract, 2.4 step 4). */
export interface Work {
  /** Whether the sink is looked at, so that what lands late counts. */
  hasSink: boolean;
  /** Whether both are given: work that was begun, and where it lands. */
  observed: boolean;
  /** Why it cannot be observed though it is configured; asked right before the pull. */
  trouble(): string | null;
  /** Every look at the sink from now on is told, with monotonic times. */
  onLook(heard: (at: number, landed: boolean, sinceMs: number) => void): void;
  /** Whether the work ended before its time: then the switch aborts what runs. */
  endedEarly(now: number): boolean;
  /** Lets go of what was begun. */
  end(): Promise<void>;
}

export interface WorkOptions {
  order: Order;
  probes: Probes;
  clock: Clock;
  limits: Limits;
  signal: AbortSignal;
}

/** Begins the work and looks at the sink, as far as they are configured, until `end`. */
export function beginWork({ order, probes: { run, sink }, clock, limits, signal }: WorkOptions): Work {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const lastsMs = (order.project.config.policy?.stopWithin ?? STOP_WITHIN_MS) + limits.runBeyond;
  const beganAt = clock.monotonic();
  const begun = run ? beginRun(run, order, lastsMs, both) : null;
  const watch = sink ? watchSink(sink, order, clock, limits, both) : null;
  return {
    hasSink: watch !== null,
    observed: begun !== null && watch !== null,
    trouble() {
      const unbegun = begun?.failed() ?? null;
      if (unbegun !== null) return `probes.run: ${unbegun}`;
      if (watch === null) return null;
      if (watch.latest() === null) return `probes.sink: ${watch.failure() ?? "no answer"}`;
      return begun && watch.landedAt() === null ? "nothing that probes.run began landed at probes.sink" : null;
    },
    onLook: (heard) => watch?.onLook(heard),
    endedEarly(now) {
      const last = watch?.landedAt() ?? null;
      return (
        begun !== null && last !== null && last < beganAt + lastsMs - limits.sinkQuiet && now - last >= limits.sinkQuiet
      );
    },
    async end() {
      ended.abort();
      await Promise.all([begun?.settled, watch?.settled]);
    },
  };
}

interface Run {
  /** Why it was not begun; null where it was, or where that is not known yet. */
  failed(): string | null;
  settled: Promise<void>;
}

/** It may answer at once or when it is done, and the kill may cut it off: only an answer before the kill is judged. */
function beginRun(run: Call, order: Order, lastsMs: number, signal: AbortSignal): Run {
  const seconds = Math.ceil(lastsMs / 1_000);
  const filling = { ...fillingOf(order, "work under way"), seconds };
  const { id, traceparent } = newTrace(order.trace);
  const headers = { ...DRILL_HEADERS, traceparent };
  const context = contextOf(order.project, { ...filling, trace: id }, { headers, fresh: true, signal });
  let why: string | null = null;
  const judging = answerOf({ ...run, timeout: 2 * lastsMs }, context).then((answer) => {
    if (!signal.aborted) why = notAsExpected(answer, run);
  });
  return { failed: () => why, settled: held(judging) };
}

function notAsExpected(answer: Answer | CallFailed, call: Call): string | null {
  if (answer instanceof CallFailed) return answer.why;
  const match = matches(answer, call.expect);
  return match.met ? null : match.why;
}

type SinkCall = NonNullable<Probes["sink"]>;

function watchSink(sink: SinkCall, order: Order, clock: Clock, limits: Limits, signal: AbortSignal) {
  let latest: { count: number; at: number } | null = null;
  let landedAt: number | null = null;
  let failure: string | null = null;
  let heard: (at: number, landed: boolean, sinceMs: number) => void = () => undefined;
  const context = contextOf(order.project, fillingOf(order, "where writes land"), {
    signal,
    timeoutMs: limits.probeAnswer,
  });
  const look = async (): Promise<void> => {
    const answer = await answerOf(sink, context);
    if (signal.aborted) return;
    const count = countIn(answer, sink);
    if (typeof count === "string") {
      failure = count;
      return;
    }
    const at = clock.monotonic();
    const landed = latest !== null && count > latest.count;
    if (landed) landedAt = at;
    heard(at, landed, at - (latest?.at ?? at));
    latest = { count, at };
  };
  return {
    latest: () => latest,
    landedAt: () => landedAt,
    failure: () => failure,
    onLook(listener: typeof heard) {
      heard = listener;
    },
    settled: held(everySo(limits.sinkEvery, signal, look)),
  };
}

/** What has landed so far: a number, or the length of a list; else why that cannot be told. */
function countIn(answer: Answer | CallFailed, sink: SinkCall): number | string {
  const why = notAsExpected(answer, sink);
  if (why !== null || answer instanceof CallFailed) return why ?? "no answer";
  const json = answerJson(answer);
  if ("why" in json) return json.why;
  const read = readPointer(json.value, sink.at ?? "");
  if (read.found && Array.isArray(read.value)) return read.value.length;
  if (read.found && typeof read.value === "number") return read.value;
  return `neither a number nor a list stands at ${sink.at ?? "the top"} of its answer`;
}
