import type { Clock } from "../../values/clock.ts";

/** Something that whoever runs the agent should hear of; never holds the token. */
export interface SwitchNotice {
  kind:
    | "refused" // 401 or 403: the lease has ended
    | "lost-order" // the switch no longer knows an order that this agent has heard
    | "other-series" // another switch, or another data file, under the address
    | "malformed" // a message that cannot be read, or that something in between had kept
    | "unreachable" // no address answers
    | "not-reported" // a report or a trip was not taken
    | "mistake"; // something of the agent's own threw
  message: string;
}

const AGAIN_AFTER_MS = 60_000;
const LONGEST = 400;

/** Passes notices on: the same one at most once a minute. */
export class Notices {
  readonly #tell: (notice: SwitchNotice) => void;
  readonly #clock: Clock;
  readonly #token: string;
  /** Monotonic milliseconds. */
  readonly #told = new Map<string, number>();

  constructor(tell: (notice: SwitchNotice) => void, clock: Clock, token: string) {
    this.#tell = tell;
    this.#clock = clock;
    this.#token = token;
  }

  tell(kind: SwitchNotice["kind"], words: string): void {
    // What an address answers may repeat what it was sent.
    const message = words.replaceAll(this.#token, "…").slice(0, LONGEST);
    const now = this.#clock.monotonic();
    for (const [told, at] of this.#told) if (now - at >= AGAIN_AFTER_MS) this.#told.delete(told);
    const key = `${kind} ${message}`;
    if (this.#told.has(key)) return;
    this.#told.set(key, now);
    try {
      this.#tell({ kind, message });
    } catch {
      // Whoever listens must not break what keeps the agent obedient.
    }
  }
}
