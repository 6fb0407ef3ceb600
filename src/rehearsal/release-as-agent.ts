import type { CallVariation } from "../config/call.ts";
import { contextOf } from "../doors/context.ts";
import { type Answer, type Call, type CallContext, CallFailed } from "../doors/door.ts";
import { answered, matches } from "../doors/expectation.ts";
import { send, sendAs } from "../doors/send.ts";
import type { KillSample } from "../evidence/facts.ts";
import type { Clock } from "../values/clock.ts";
import { pause } from "./pause.ts";
import { callsOf, fillingOf, isStopped, type Order } from "./switch-order.ts";

/** How long a release that was taken may need until the status shows it. */
const SHOWN_WITHIN_MS = 5_000;
const LOOK_MS = 250;

type Tried = NonNullable<KillSample["releaseAsAgent"]>;

/**
 * The release, sent with the agent's own credential: it must be refused, by a switch that otherwise takes that credential,
 * and the scope stays stopped. Null where it is not configured.
 */
export async function releaseAsAgent(order: Order, clock: Clock, signal: AbortSignal): Promise<Tried | null> {
  const variation = order.killSwitch.releaseAsAgent;
  const { release } = callsOf(order.killSwitch);
  if (!variation || !release) return null;
  const wasStopped = (await stoppedNow(order, signal)) === true;
  const context = contextOf(order.project, fillingOf(order, "release as the agent, to be refused"), { signal });
  const attempt = await attemptOf(() => sendAs(variation, release, context));
  const refused = attempt.answer !== null && isRefusal(attempt.answer, variation);
  const accepted = attempt.answer !== null && !refused && matches(attempt.answer, release.expect).met;
  const control = await controlOf(variation, order, context);
  // Where the switch never said stopped, a refusal has changed nothing, and of the rest nothing is known.
  const still = wasStopped ? await stillStopped(order, accepted, clock, signal) : refused ? true : null;
  const whys = [`the release as the agent ${attempt.words}`, control.words];
  if (still === null) whys.push("whether it is still stopped afterwards is not known");
  if (still === false) whys.push("and afterwards nothing was stopped any more");
  return {
    refused,
    accepted,
    stillStopped: still !== false,
    // What cannot be told must not speak for the switch.
    controlAccepted: control.accepted && still !== null,
    why: whys.join("; "),
  };
}

async function attemptOf(sending: () => Promise<Answer>): Promise<{ answer: Answer | null; words: string }> {
  try {
    const answer = await sending();
    return { answer, words: `was ${answered(answer)}` };
  } catch (error) {
    if (error instanceof CallFailed) return { answer: null, words: `got no answer (${error.why})` };
    throw error;
  }
}

/** 401 or 403, or what `expect` describes. */
function isRefusal(answer: Answer, { expect }: CallVariation): boolean {
  if (expect) return matches(answer, expect).met;
  return answer.via === "http" && (answer.status === 401 || answer.status === 403);
}

/** The same credential on a call that it may make: else the refusal could be a typing error in the token. */
async function controlOf(
  { control, headers, token }: CallVariation,
  order: Order,
  context: CallContext,
): Promise<{ accepted: boolean; words: string }> {
  const { status } = callsOf(order.killSwitch);
  if (!control && !headers && token === undefined) {
    return { accepted: false, words: "no control says that its credential is a valid one" };
  }
  const credential: CallVariation = { ...(headers ? { headers } : {}), ...(token === undefined ? {} : { token }) };
  const asked: Call = control ?? status;
  const attempt = await attemptOf(() => (control ? send(control, context) : sendAs(credential, status, context)));
  const accepted = attempt.answer !== null && matches(attempt.answer, asked.expect).met;
  const what = control ? "its control" : "the status, asked with the same credential,";
  const words = `${what} ${attempt.words}`;
  if (control || !accepted || !(await answersAnybody(status, credential, context))) return { accepted, words };
  const advice = "name a call that asks for it under releaseAsAgent.control";
  return { accepted: false, words: `${words}, and without it as well, so that shows nothing of it; ${advice}` };
}

/** Whether the status is answered without this credential too: what accepts everybody says of nobody that he is known. */
async function answersAnybody(status: Call, { headers, token }: CallVariation, context: CallContext): Promise<boolean> {
  if (!("url" in status)) return false;
  const left = new Set(Object.keys(headers ?? {}).map((name) => name.toLowerCase()));
  if (token !== undefined) left.add("authorization");
  const others = Object.entries(status.headers ?? {}).filter(([name]) => !left.has(name.toLowerCase()));
  const { answer } = await attemptOf(() => send({ ...status, headers: Object.fromEntries(others) }, context));
  return answer !== null && matches(answer, status.expect).met;
}

/** Whether the scope is stopped afterwards; null where the switch does not say. */
async function stillStopped(
  order: Order,
  accepted: boolean,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean | null> {
  const until = clock.monotonic() + (accepted ? SHOWN_WITHIN_MS : 0);
  for (;;) {
    const stopped = await stoppedNow(order, signal);
    if (stopped === false || clock.monotonic() >= until || signal.aborted) return stopped;
    await pause(LOOK_MS, signal);
  }
}

async function stoppedNow(order: Order, signal: AbortSignal): Promise<boolean | null> {
  try {
    return await isStopped(order, signal);
  } catch (error) {
    if (error instanceof CallFailed) return null;
    throw error;
  }
}
