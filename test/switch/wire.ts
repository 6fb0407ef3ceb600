import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";

/** What `fetch` does not let a test do: any header, a look at the socket, event streams as they come. */

export interface Sent {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface Sending {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  ca?: Buffer;
}

/** Sends a request on a connection of its own, and reads the answer to its end. */
export async function send(url: string, sending: Sending = {}): Promise<Sent> {
  const response = await begin(url, sending);
  return { status: response.statusCode ?? 0, headers: response.headers, text: await text(response) };
}

async function begin(url: string, { method = "GET", headers = {}, body, ca }: Sending): Promise<IncomingMessage> {
  const options: RequestOptions = { method, headers, agent: false };
  const request = url.startsWith("https:") ? httpsRequest(url, { ...options, ca }) : httpRequest(url, options);
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

export interface Frame {
  id: string | undefined;
  event: string;
  data: Record<string, unknown>;
}

export interface Stream {
  status: number;
  headers: IncomingHttpHeaders;
  /** The next frame that was not asked for yet, of that event where one is named. Rejects where the stream ends before. */
  next(event?: string): Promise<Frame>;
  /** When the service has ended the stream. */
  ended: Promise<void>;
  close(): void;
}

/** Follows `/v1/events` until the test has ended. */
export async function follow(url: string, token: string | null, sending: Sending = {}): Promise<Stream> {
  const headers = { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...sending.headers };
  const response = await begin(`${url}/v1/events`, { ...sending, headers });
  const frames: Frame[] = [];
  let rest = "";
  let isOver = false;
  let heard = deferred();
  const tell = (): void => {
    heard.resolve();
    heard = deferred();
  };
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n\n");
    rest = parts.pop() ?? "";
    frames.push(...parts.map(frameOf));
    tell();
  });
  const ended = new Promise<void>((resolve) => {
    response.once("close", () => {
      isOver = true;
      tell();
      resolve();
    });
  });
  response.on("error", () => undefined);
  const close = (): void => void response.destroy();
  onTestFinished(close);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    async next(event) {
      for (;;) {
        const index = frames.findIndex((frame) => event === undefined || frame.event === event);
        const frame = frames[index];
        if (frame) {
          frames.splice(0, index + 1);
          return frame;
        }
        if (isOver) throw new Error(`the stream ended before ${event ?? "another event"}`);
        await heard.promise;
      }
    },
    ended,
    close,
  };
}

function frameOf(part: string): Frame {
  const fields = new Map(part.split("\n").map((line) => [line.replace(/: .*/s, ""), line.replace(/^\w+: /, "")]));
  return {
    id: fields.get("id"),
    event: fields.get("event") ?? "",
    data: JSON.parse(fields.get("data") ?? "{}") as Record<string, unknown>,
  };
}

/** A clock that goes where the test sets it. */
export class TestClock {
  #ms = Date.parse("2026-11-22T10:00:00.000Z");
  readonly now = (): number => this.#ms;
  readonly monotonic = (): number => this.#ms;
  advance(ms: number): void {
    this.#ms += ms;
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
