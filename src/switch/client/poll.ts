import type { View } from "../protocol/view.ts";
import { Addresses } from "./addresses.ts";
import type { Asked } from "./hearing.ts";
import { parsed, readBeat, readState } from "./read.ts";
import type { BeatMessage, StateMessage } from "../protocol/messages.ts";
import { ANSWER_MS, untilAfterRefusal, untilPoll } from "./timing.ts";
import type { Answer, Connections } from "./wire.ts";

export interface PollDeps {
  wire: Connections;
  urls: readonly string[];
  view: () => View;
  /** Whether asking can be left out this time. */
  isHeard: () => boolean;
  ask: () => Asked;
  /** Whether what answered is the service that we follow. */
  state: (asked: Asked, message: StateMessage, url: string) => boolean;
  beat: (asked: Asked, message: BeatMessage, url: string) => boolean;
  malformed: (url: string, what: string) => void;
  refused: (url: string, status: number) => void;
  failed: (url: string, why: string) => void;
}

/** An answer's tag, and the state that it stands for. */
interface Held {
  etag: string;
  series: string;
  epoch: number;
}

/** Asks for the state about once a second for as long as no stream is heard, and whenever it is told to. */
export class Poll {
  readonly #deps: PollDeps;
  readonly #addresses: Addresses;
  #held: Held | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  /** Told to ask while it was asking: what comes may have been sent before. */
  #isWanted = false;
  #isClosed = false;

  constructor(deps: PollDeps) {
    this.#deps = deps;
    this.#addresses = new Addresses(deps.urls);
  }

  start(): void {
    this.#later(untilPoll());
  }

  /** Asks at once. */
  soon(): void {
    if (this.#isAsking) this.#isWanted = true;
    else void this.#ask();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      if (this.#deps.isHeard()) this.#later(untilPoll());
      else void this.#ask();
    }, ms).unref();
  }

  async #ask(): Promise<void> {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#isAsking = true;
    const wait = await this.#once();
    this.#isAsking = false;
    if (this.#isWanted) {
      this.#isWanted = false;
      void this.#ask();
    } else this.#later(wait);
  }

  /** Milliseconds until the next time. */
  async #once(): Promise<number> {
    const { wire, view, ask, refused, failed } = this.#deps;
    const url = this.#addresses.current;
    const known = view();
    const held = this.#held?.series === known?.series && this.#held?.epoch === known?.epoch ? this.#held : null;
    const headers = { "cache-control": "no-cache", ...(held ? { "if-none-match": held.etag } : {}) };
    const asked = ask();
    try {
      const answer = await wire.send(url, "/v1/state", { headers, timeoutMs: ANSWER_MS });
      if (this.#isClosed) return 0;
      const { status } = answer;
      if (status === 401 || status === 403) {
        this.#addresses.next();
        refused(url, status);
        return untilAfterRefusal();
      }
      if (!this.#hear(asked, answer, held, url)) this.#addresses.next();
    } catch (error) {
      if (this.#isClosed) return 0;
      failed(url, error instanceof Error ? error.message : String(error));
      this.#addresses.next();
    }
    return untilPoll();
  }

  #hear(asked: Asked, { status, headers, text }: Answer, held: Held | null, url: string): boolean {
    const { state, beat, malformed, failed } = this.#deps;
    if (status === 304 && held) {
      const { series, epoch } = held;
      const sentAt = Number(headers["clawproof-sent-at"] ?? Number.NaN);
      const message = readBeat({ series, epoch, sentAt, boot: headers["clawproof-boot"] });
      if (message) return beat(asked, message, url);
      malformed(url, "a 304 without clawproof-sent-at and clawproof-boot");
      return false;
    }
    if (status !== 200) {
      failed(url, `status ${status}`);
      return false;
    }
    const message = readState(parsed(text));
    if (message === null) {
      malformed(url, "a state");
      return false;
    }
    const { etag } = headers;
    if (etag !== undefined) this.#held = { etag, series: message.series, epoch: message.epoch };
    return state(asked, message, url);
  }
}
