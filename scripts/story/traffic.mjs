import { EventEmitter, once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Pool } from "undici";
import { customerOf, textOf } from "./customers.mjs";
import { DidNotHappen } from "./terminal.mjs";

/** One message in so many reaches the new version: 5 %, as deploy/rollout.yaml says. */
const ROUND = 20;

const newCounts = () => ({ sent: 0, answered: 0, refused: 0, lastAnswerAt: 0, written: 0, refusal: "" });

/** Customers who write to the agent, one after the other, and the router that gives 5 % of them to a new version. */
export class Traffic {
  /** Milliseconds from one round of twenty messages to the next; 0: as fast as they are answered. */
  everyMs = 0;
  stable = newCounts();
  canary = newCounts();
  #stable;
  #canary = null;
  #signal;
  #rounds = new EventEmitter();
  #sent = 0;
  #running = null;
  #isOver = false;
  /** Why the first message that was not answered was not; null where all were. */
  #failure = null;

  constructor(stableUrl, signal) {
    this.#stable = new Pool(stableUrl, { connections: ROUND });
    this.#signal = signal;
  }

  begin() {
    this.#running = this.#run();
  }

  /** From now on 5 % of the messages go to a new version. */
  giveCanary(url) {
    this.#canary = new Pool(url, { connections: 1 });
  }

  /** The new version is sent nothing any more. */
  async takeCanary() {
    const pool = this.#canary;
    this.#canary = null;
    await pool?.close();
  }

  /** Waits until something is so after a round. Throws DidNotHappen, and what the signal says. */
  async until(what, isSo, limitMs = 120_000) {
    const limit = AbortSignal.timeout(limitMs);
    while (!isSo()) {
      try {
        await once(this.#rounds, "round", { signal: AbortSignal.any([this.#signal, limit]) });
      } catch {
        this.#signal.throwIfAborted();
        throw new DidNotHappen(`${what}, within ${limitMs / 1000} s`);
      }
      this.checkAnswers();
    }
  }

  /** Throws DidNotHappen where a message was not answered. */
  checkAnswers() {
    if (this.#failure !== null) throw new DidNotHappen(`every message was answered; seen: ${this.#failure}`);
  }

  async end() {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#running;
    await this.takeCanary();
    await this.#stable.close();
  }

  async #run() {
    while (!this.#isOver && !this.#signal.aborted) {
      const next = pause(this.everyMs);
      const first = this.#sent + 1;
      this.#sent += ROUND;
      await Promise.all(Array.from({ length: ROUND }, (_, place) => this.#send(first + place, place === ROUND - 1)));
      this.#rounds.emit("round");
      await next;
    }
  }

  async #send(number, isForCanary) {
    const [counts, pool] = isForCanary && this.#canary ? [this.canary, this.#canary] : [this.stable, this.#stable];
    counts.sent += 1;
    const message = textOf(number);
    try {
      const { statusCode, body } = await pool.request({
        method: "POST",
        path: `/accounts/${customerOf(number)}/messages`,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ message }),
      });
      const answer = await body.json();
      if (statusCode === 200) {
        counts.answered += 1;
        counts.lastAnswerAt = Date.now();
        if (/call/.test(message)) counts.written += 1;
      } else if (statusCode === 503) {
        counts.refused += 1;
        counts.refusal = answer.message;
      } else this.#failure ??= `${statusCode} ${JSON.stringify(answer)}`;
    } catch (error) {
      this.#failure ??= error.message;
    }
  }
}
