import { createParser } from "eventsource-parser";
import type { Clock } from "../../values/clock.ts";
import { Addresses } from "./addresses.ts";
import type { Asked } from "./hearing.ts";
import { SILENT_MS, untilAfterRefusal, untilAttempt } from "./timing.ts";
import type { Connections } from "./wire.ts";

/** A state with thousands of orders is larger than this by nothing we know of. */
const LARGEST_EVENT = 16 * 1024 * 1024;
/** A stream that has lived so long was not cut by something in between: the next attempt comes at once again. */
const LIVED_MS = 1_000;

export interface StreamDeps {
  wire: Connections;
  urls: readonly string[];
  clock: Clock;
  ask: () => Asked;
  /**
   * An event. `kept` where it was heard; `again` where a new connection is wanted, `elsewhere` at the next address;
   * `unheard` where this one may yet say something that can be heard.
   */
  event: (asked: Asked, event: string, data: string, url: string) => "kept" | "again" | "elsewhere" | "unheard";
  /** 401 or 403. */
  refused: (url: string, status: number) => void;
  failed: (url: string, why: string) => void;
}

/** Server-sent events from one address after the other, one connection at a time, for as long as it takes. */
export class Stream {
  readonly #deps: StreamDeps;
  readonly #addresses: Addresses;
  /** Attempts since a stream last lived. */
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #cut: (() => void) | null = null;
  #isHeard = false;
  #isClosed = false;

  constructor(deps: StreamDeps) {
    this.#deps = deps;
    this.#addresses = new Addresses(deps.urls);
  }

  /** Whether the connection is open, and its last message was heard. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  start(): void {
    this.#open();
  }

  /** Gives the connection up, for a new one a while later. */
  giveWay(): void {
    this.#drop();
    this.#later(untilAfterRefusal());
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#isHeard = false;
    this.#cut?.();
    this.#cut = null;
  }

  #later(ms: number): void {
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#open(), ms).unref();
  }

  #again(isElsewhere: boolean): void {
    this.#drop();
    if (isElsewhere) this.#addresses.next();
    this.#later(untilAttempt(this.#attempts++));
  }

  #open(): void {
    const { wire, clock, ask, event: heardEvent, refused, failed } = this.#deps;
    const url = this.#addresses.current;
    const openedAt = clock.monotonic();
    const asked = ask();
    let isOver = false;
    let messages = 0;
    const fail = (why: string): void => {
      failed(url, why);
      this.#again(true);
    };
    const parser = createParser({
      maxBufferSize: LARGEST_EVENT,
      onEvent: ({ event = "message", data }) => {
        if (isOver) return;
        messages++;
        silence.refresh();
        const verdict = heardEvent(asked, event, data, url);
        // A listener may have closed us.
        if (this.#cut !== cut) return;
        this.#isHeard = verdict === "kept";
        if (verdict === "again" || verdict === "elsewhere") this.#again(verdict === "elsewhere");
        else if (verdict === "kept" && clock.monotonic() - openedAt > LIVED_MS) this.#attempts = 0;
      },
      onError: (error) => {
        if (error.type === "max-buffer-size-exceeded" && !isOver) fail("an event is larger than any of a switch");
      },
    });
    const end = wire.follow(url, "/v1/events", {
      answered: (status) => {
        if (status === 200) return;
        if (status === 401 || status === 403) {
          this.#addresses.next();
          refused(url, status);
        } else fail(status === 0 ? "what answers is no stream of events" : `status ${status}`);
      },
      data: (chunk) => parser.feed(chunk),
      ended: fail,
    });
    // What waits in the socket of a process that was held up is read before the stream is given up.
    const silence = setTimeout(() => {
      const before = messages;
      setImmediate(() => {
        if (isOver) return;
        if (messages === before) fail(messages === 0 ? "no event came" : "no beat came");
        else silence.refresh();
      }).unref();
    }, SILENT_MS).unref();
    const cut = (): void => {
      isOver = true;
      clearTimeout(silence);
      end();
    };
    this.#cut = cut;
  }
}
