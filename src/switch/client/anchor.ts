/** `sentAt` is in whole milliseconds: of a difference, one may be rounding. */
const ROUNDING_MS = 1;
/** How much faster than ours the service's clock may run. An anchor so loses 3.6 s an hour, and is renewed when it is old. */
const DRIFT = 0.001;

/**
 * What the service's clock says in terms of our steady time (steady.ts), for one connection and one run of the service.
 * The first `sentAt` stands for the moment that the request was sent: the message was sent no sooner.
 */
export class Anchor {
  readonly boot: string;
  readonly #sentAt: number;
  #asked: number;

  constructor(boot: string, sentAt: number, asked: number) {
    this.boot = boot;
    this.#sentAt = sentAt;
    this.#asked = asked;
  }

  /**
   * The latest moment of which it is certain that the message was not sent before it. One that seems sent after it was
   * received shows that the service's clock is faster than we allow for: the anchor stays corrected.
   */
  sending(sentAt: number, received: number): number {
    const since = sentAt - this.#sentAt;
    const passed = since === 0 ? 0 : since - ROUNDING_MS - Math.max(0, since) * DRIFT;
    this.#asked -= Math.max(0, this.#asked + passed - received);
    return this.#asked + passed;
  }
}
