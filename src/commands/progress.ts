import type { Progress } from "../evidence/gathering.ts";
import type { Clock } from "../values/clock.ts";
import type { Output } from "./surroundings.ts";

const TICK_MS = 500;
const ERASE = "\r\u001b[2K";

/** A live line is of use to a person at a terminal; in a log it is noise. */
export function wantsLiveLine(output: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  const ci = env["CI"];
  return output.isTTY === true && env["TERM"] !== "dumb" && (ci === undefined || ci === "" || ci === "false");
}

/** Shows what goes on and for how long on one line that erases itself; lasting lines go above it. */
export class LiveLine implements Progress {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #live: boolean;
  #text: string | null = null;
  #since = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(output: Output, clock: Clock, live: boolean) {
    this.#output = output;
    this.#clock = clock;
    this.#live = live;
  }

  show(text: string): void {
    if (!this.#live || text === this.#text) return;
    this.#text = text;
    this.#since = this.#clock.monotonic();
    this.#draw();
    this.#timer ??= setInterval(() => {
      this.#draw();
    }, TICK_MS).unref();
  }

  clear(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    if (this.#text !== null) this.#output.write(ERASE);
    this.#text = null;
  }

  say(text: string): void {
    this.#output.write(`${this.#text === null ? "" : ERASE}${text}\n`);
    this.#draw();
  }

  #draw(): void {
    if (this.#text === null) return;
    const seconds = Math.floor((this.#clock.monotonic() - this.#since) / 1000);
    const line = `${this.#text} … ${seconds} s`;
    // One column is left free: a full line wraps on some terminals and could not be erased. Some say they have none at all.
    const columns = this.#output.columns ?? 0;
    this.#output.write(ERASE + [...line].slice(0, (columns > 1 ? columns : 80) - 1).join(""));
  }
}
