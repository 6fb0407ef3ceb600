import type { ReportRequest } from "../protocol/messages.ts";
import { Addresses } from "./addresses.ts";
import type { SwitchNotice } from "./notice.ts";
import { parsed } from "./read.ts";
import { ANSWER_MS } from "./timing.ts";
import type { Answer, Connections } from "./wire.ts";

/** As many as the service takes. */
const MOST_COUNTS = 32;
const REPORTS_A_LEASE = 3;

export interface ReportDeps {
  wire: Connections;
  urls: readonly string[];
  /** What there is to report now; null where nothing was heard yet. May throw. */
  content: () => ReportRequest | null;
  /** Milliseconds. */
  lease: () => number;
  refused: (url: string, status: number) => void;
  notice: (kind: SwitchNotice["kind"], words: string) => void;
}

/** Tells the service what was applied: one report at a time, always of how it is when it is sent. */
export class Reports {
  readonly #deps: ReportDeps;
  readonly #addresses: Addresses;
  #timer: NodeJS.Timeout | undefined;
  #isSending = false;
  #isDue = false;
  #isClosed = false;

  constructor(deps: ReportDeps) {
    this.#deps = deps;
    this.#addresses = new Addresses(deps.urls);
  }

  /** As soon as the last one is answered. */
  soon(): void {
    this.#isDue = true;
    if (!this.#isSending && !this.#isClosed) void this.#send();
  }

  /** The service was heard: what could not be told before is told now. */
  occasion(): void {
    if (this.#isDue) this.soon();
  }

  /** Whether something has not been told. */
  get isDue(): boolean {
    return this.#isDue;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isSending = true;
    this.#isDue = false;
    const isAnswered = await this.#one();
    this.#isSending = false;
    // What has become due meanwhile goes out at once, but after one that had no answer waits for an occasion.
    if (isAnswered && this.isDue) {
      this.soon();
      return;
    }
    this.#isDue ||= !isAnswered;
    if (!this.#isClosed) this.#timer = setTimeout(() => this.soon(), this.#deps.lease() / REPORTS_A_LEASE).unref();
  }

  /** Whether there is an answer; without one it is sent again. */
  async #one(): Promise<boolean> {
    const { wire, content, refused, notice } = this.#deps;
    const url = this.#addresses.current;
    try {
      const report = contentOf(content);
      if (report === null) return true;
      const body = JSON.stringify(report);
      const answer = await wire.send(url, "/v1/report", { method: "POST", body, timeoutMs: ANSWER_MS });
      if (this.#isClosed || isTaken(answer)) return true;
      if (answer.status === 401) refused(url, 401);
      else notice("not-reported", `${url} does not take reports: ${wordsOf(answer)}`);
      this.#addresses.next();
      // What it refuses it would refuse again: the next one is sent in its time.
      return answer.status < 500;
    } catch (error) {
      if (this.#isClosed) return true;
      if (error instanceof NoContent) notice("mistake", error.message);
      else this.#addresses.next();
    }
    return false;
  }
}

class NoContent extends Error {}

/** What cannot say what still runs must not look as if nothing did. */
function contentOf(content: () => ReportRequest | null): ReportRequest | null {
  try {
    const report = content();
    return report && { ...report, running: counted(report.running), counts: counted(report.counts) };
  } catch (error) {
    throw new NoContent(
      `what to report could not be found out: ${error instanceof Error ? error.message : "it threw"}`,
    );
  }
}

/** As many as the service takes, zeros left out. */
function counted(counts: Record<string, number> = {}): Record<string, number> {
  const entries = Object.entries(counts).filter(([, count]) => count > 0);
  return Object.fromEntries(entries.slice(0, MOST_COUNTS));
}

function isTaken({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

/** What an answer says of itself. */
export function wordsOf({ status, text }: Answer): string {
  const body = parsed(text);
  const error = typeof body === "object" && body !== null && "error" in body ? body.error : null;
  return typeof error === "string" ? `status ${status}, ${error}` : `status ${status}`;
}
