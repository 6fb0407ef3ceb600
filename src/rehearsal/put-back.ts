import type { PlaceholderValues } from "../config/template.ts";
import { Unfilled } from "../config/template.ts";
import { withEvidence } from "../config/own-switch.ts";
import type { Project } from "../config/project.ts";
import { contextOf } from "../doors/context.ts";
import { type Call, CallFailed } from "../doors/door.ts";
import { matches } from "../doors/expectation.ts";
import { send } from "../doors/send.ts";
import type { SwitchLogEntry } from "../evidence/facts.ts";
import { logCallOf, LogUnread } from "../evidence/switch-log.ts";
import type { Clock } from "../values/clock.ts";
import { REHEARSAL_OVER } from "../values/drill-words.ts";
import type { Limits } from "./limits.ts";
import { pause } from "./pause.ts";
import { sendProbe } from "./probe.ts";
import { shellLine } from "./shell-line.ts";
import { callsOf, fillingOf, foreignEntry, isStopped, type Order, ourEntry, readEntries } from "./switch-order.ts";
import { writesAgain } from "./writes-again.ts";

/** Putting back (contract, 2.4 step 5). It obeys no interrupt: it is what an interrupt waits for. */

const RETRY_AFTER_MS = 1_000;

export type PutBack =
  | { state: "back"; afterMs: number | null }
  /** Somebody else gave an order since: theirs stands and is not ours to touch. */
  | { state: "left"; why: string }
  /** `command`: what a person types to put it back. */
  | { state: "not-back"; why: string; command: string };

/** What is known of the pull that is to be taken back. */
export interface Pulled {
  order: Order;
  /** What the log held before; null where there is no log. */
  before: readonly string[] | null;
  /**
   * Whether our order stands: where that is not sure, a release that is refused may mean that there is nothing to release.
   * `if-logged`: it may have been taken a moment ago. `unlikely`: it may have been released, or have expired, long since.
   */
  stands: "surely" | "if-logged" | "unlikely";
  /** Instances that accepted writes before. */
  instances: readonly string[];
  clock: Clock;
  limits: Limits;
  /** Of a drill: the digest of what was measured, which the release carries to the switch. */
  evidence?: string | null;
}

/** Releases our order unless somebody else's may be newer, restarts what was ended, waits until writes are accepted. */
export async function putBackSwitch(pulled: Pulled): Promise<PutBack> {
  const { order, clock, evidence = null } = pulled;
  const release = releaseCarrying(order, evidence);
  if (!release) return { state: "not-back", why: "killSwitch.release is not configured", command: "" };
  const isTold = evidence !== null && !("provider" in order.killSwitch);
  const over = evidence === null ? REHEARSAL_OVER : "drill over";
  const filling = fillingOf(order, isTold ? `${over}, ${evidence}` : over);
  const notBack = async (why: string, call: Call = release): Promise<PutBack> => {
    return { state: "not-back", why, command: await commandLine(call, order.project, filling) };
  };
  const logged = await readLogAgain(pulled);
  if ("why" in logged) return notBack(logged.why);
  const other = logged.entries && tellsWhose(order) ? foreignEntry(order, logged.entries, pulled.before ?? []) : null;
  if (other) return { state: "left", why: foreignWords(order, other) };
  const sentAt = clock.monotonic();
  const refused = await sendUntilTaken(release, order.project, filling, pulled);
  if (refused !== null && !(await isBackAlready(pulled, logged.entries))) {
    return notBack(`the release failed: ${refused}`);
  }
  const { restart } = order.killSwitch;
  const again = await againAfter(pulled, filling, sentAt, restart);
  if ("why" in again) return notBack(again.why, restart ?? release);
  return { state: "back", afterMs: again.afterMs };
}

/** Our own switch keeps evidence in a field of its own; on a foreign one the reason has to hold it (contract, section 7). */
function releaseCarrying({ killSwitch }: Order, evidence: string | null): Call | undefined {
  const { release } = callsOf(killSwitch);
  if (evidence === null || !release || !("provider" in killSwitch) || !("url" in release)) return release;
  return withEvidence(release, evidence);
}

type Again = { afterMs: number | null } | { why: string };

async function againAfter(
  { order: { project }, clock, limits, instances }: Pulled,
  filling: PlaceholderValues,
  sentAt: number,
  restart: Call | undefined,
): Promise<Again> {
  const write = project.config.agent.probes?.write;
  const probe = write && (() => sendProbe(write, project, filling));
  // An agent that still runs, or that comes up by itself, needs no restart.
  if (restart && (!probe || (await probe()).heard.kind !== "accepted")) {
    const failed = await sendUntilTaken(restart, project, filling, { clock, limits });
    if (failed !== null) return { why: `the restart failed: ${failed}` };
  }
  return probe ? writesAgain(probe, sentAt, clock, limits, instances) : { afterMs: null };
}

/** Without its log nobody can tell whose order is newest, and then a person must look (step 0 asks for one). */
async function readLogAgain({
  order,
  limits,
  clock,
}: Pulled): Promise<{ entries: SwitchLogEntry[] | null } | { why: string }> {
  const deadline = clock.monotonic() + limits.releaseWithin;
  for (let attempt = 1; ; attempt++) {
    try {
      return { entries: await readEntries(order) };
    } catch (error) {
      if (!(error instanceof LogUnread)) throw error;
      if (order.killSwitch.rehearse?.exclusive === true) return { entries: null };
      if (attempt >= limits.releaseTries || clock.monotonic() > deadline) {
        return { why: `the switch's log cannot be read, so nobody can tell whose order is newest: ${error.why}` };
      }
    }
    await pause(limits.look);
  }
}

/** A log without reasons names nobody's order; then `exclusive` was said, or nothing would have been pulled. */
function tellsWhose({ project }: Order): boolean {
  return logCallOf(project)?.fields.reason !== undefined;
}

function foreignWords({ scope }: Order, { by, reason }: SwitchLogEntry): string {
  const said = reason === null ? "" : ` (${reason})`;
  return `${by ?? "somebody else"} gave an order on ${scope} in the meantime${said}`;
}

/** A release that is refused is no harm where nothing of ours stands any more, or ever stood. */
async function isBackAlready(
  { order, before, stands }: Pulled,
  entries: readonly SwitchLogEntry[] | null,
): Promise<boolean> {
  if (stands === "surely" || !(await saysRunning(order))) return false;
  if (entries !== null && ourEntry(order, entries, before ?? []) === null) return true;
  const write = order.project.config.agent.probes?.write;
  if (stands === "if-logged" || !write) return false;
  return (await sendProbe(write, order.project, fillingOf(order, "put back"))).heard.kind === "accepted";
}

async function saysRunning(order: Order): Promise<boolean> {
  try {
    return !(await isStopped(order));
  } catch (error) {
    if (error instanceof CallFailed) return false;
    throw error;
  }
}

/** Sends a call until it is answered as it expects; why it never was, or null. */
export async function sendUntilTaken(
  call: Call,
  project: Project,
  filling: PlaceholderValues,
  { clock, limits }: Pick<Pulled, "clock" | "limits">,
): Promise<string | null> {
  const deadline = clock.monotonic() + limits.releaseWithin;
  const each = limits.releaseWithin / limits.releaseTries;
  for (let attempt = 1; ; attempt++) {
    const why = await whyNotTaken({ ...call, timeout: call.timeout ?? each }, project, filling);
    if (why === null) return null;
    if (attempt >= limits.releaseTries || clock.monotonic() >= deadline) return why;
    // A moment for a switch that is being restarted; no longer, because whoever ends us may lose patience.
    await pause(Math.min(RETRY_AFTER_MS, each / 2));
  }
}

async function whyNotTaken(call: Call, project: Project, filling: PlaceholderValues): Promise<string | null> {
  try {
    const match = matches(await send(call, contextOf(project, filling)), call.expect);
    return match.met ? null : match.why;
  } catch (error) {
    if (error instanceof CallFailed) return error.why;
    throw error;
  }
}

/** The call as a line for a shell; empty where it cannot even be filled in. */
export async function commandLine(call: Call, project: Project, filling: PlaceholderValues): Promise<string> {
  try {
    return await shellLine(call, contextOf(project, filling));
  } catch (error) {
    if (error instanceof Unfilled) return "";
    throw error;
  }
}
