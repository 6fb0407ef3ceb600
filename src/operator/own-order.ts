import { randomUUID } from "node:crypto";
import { CallFailed, type FailureKind } from "../doors/door.ts";
import { limitWords } from "../doors/words.ts";
import { pause } from "../rehearsal/pause.ts";
import type { KillRequest, OrderAnswer, ReleaseRequest, StateMessage } from "../switch/protocol/messages.ts";
import type { Clock } from "../values/clock.ts";
import { ANSWER_WITHIN_MS, askOwn, type OwnRequest, readAnswer, unanswered } from "./own.ts";
import { SwitchProblem } from "./problem.ts";
import type { OwnTarget } from "./target.ts";

const RETRY_AFTER_MS = 200;

/** An order that had arrived would have been answered again by its key. */
const CONFLICT = 409;

/** Failures that asking again mends in no time. */
const LASTING = new Set<FailureKind>(["missing-secret", "redirect", "certificate", "too-large", "aborted"]);

/**
 * Gives an order that stops, again and again within 5 s where nothing answers: its idempotency key makes that one order.
 * No interrupt cuts it off, because nobody could tell then whether it stands. Throws SwitchProblem.
 */
export function giveKill(target: OwnTarget, json: KillRequest, clock: Clock): Promise<OrderAnswer> {
  return new Asking(target, clock).order({ path: "/v1/kill", json });
}

/**
 * Gives an order that releases, in the same way. Without `ifEpoch` it is for what is in force now: one of its tries that
 * arrives late must not end what somebody ordered meanwhile. Throws SwitchProblem.
 */
export async function giveRelease(target: OwnTarget, json: ReleaseRequest, clock: Clock): Promise<OrderAnswer> {
  const asking = new Asking(target, clock);
  const ifEpoch = json.ifEpoch ?? (await asking.ask<StateMessage>({ path: "/v1/state" }, "orders")).epoch;
  return asking.order({ path: "/v1/release", json: { ...json, ifEpoch } });
}

type Tried<Body> = { body: Body } | { problem: SwitchProblem; isLasting: boolean };

/** Requests that are together answered within 5 s, or not at all. */
class Asking {
  readonly #target: OwnTarget;
  readonly #clock: Clock;
  readonly #deadline: number;

  constructor(target: OwnTarget, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
    this.#deadline = clock.monotonic() + ANSWER_WITHIN_MS;
  }

  order(request: { path: string; json: object }): Promise<OrderAnswer> {
    const headers = { "idempotency-key": randomUUID() };
    return this.ask<OrderAnswer>({ ...request, headers, method: "POST" }, "epoch");
  }

  /** Throws SwitchProblem: `refused` only where no try can have arrived before. */
  async ask<Body extends object>(request: OwnRequest, proof: keyof Body & string): Promise<Body> {
    let lost: SwitchProblem | null = null;
    for (;;) {
      const tried = await this.#try<Body>({ ...request, timeoutMs: this.#leftMs() }, proof);
      if ("body" in tried) return tried.body;
      if (tried.isLasting) throw lost === null ? tried.problem : afterAll(tried.problem, lost);
      lost = tried.problem;
      if (this.#leftMs() <= RETRY_AFTER_MS) {
        const { kind, message, status } = tried.problem;
        throw new SwitchProblem(kind, `${message} (tried for ${limitWords(ANSWER_WITHIN_MS)})`, status);
      }
      await pause(RETRY_AFTER_MS);
    }
  }

  #leftMs(): number {
    return this.#deadline - this.#clock.monotonic();
  }

  async #try<Body extends object>(request: OwnRequest, proof: keyof Body & string): Promise<Tried<Body>> {
    try {
      return { body: readAnswer<Body>(await askOwn(this.#target, request), proof).body };
    } catch (error) {
      if (error instanceof CallFailed)
        return { problem: unanswered(this.#target, error.why), isLasting: LASTING.has(error.kind) };
      if (!(error instanceof SwitchProblem)) throw error;
      // A gateway in front of a switch that is being restarted says 502; the switch itself refuses for good.
      return { problem: error, isLasting: error.kind === "refused" || (error.status ?? 0) < 500 };
    }
  }
}

/** A refusal says nothing of the try before it, which may have arrived although its answer did not; a conflict says that it has not. */
function afterAll(problem: SwitchProblem, before: SwitchProblem): SwitchProblem {
  const { message, status } = problem;
  if (status === CONFLICT) return problem;
  return new SwitchProblem("unanswered", `${message} (the try before: ${before.message})`, status);
}
