import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage, RequestOptions } from "node:http";

/**
 * Requests to the service. By node:http, not by the platform's fetch: the socket of a stream that fetch reads keeps the
 * process from ending, and cannot be told otherwise. It also takes one's own authorities without another package.
 */

/** More than any switch says; it would be somebody else. */
const LARGEST_ANSWER = 16 * 1024 * 1024;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface Sending {
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: string;
  timeoutMs: number;
}

export interface Following {
  /** The answer's status; 200 where it is a stream of events. */
  answered(status: number): void;
  data(chunk: string): void;
  /** Called once, whatever ended it; not after it was cut. */
  ended(why: string): void;
}

export interface WireOptions {
  token: string;
  ca?: string | undefined;
}

/** How a client reaches the service. */
export type Connections = Pick<Wire, "send" | "follow" | "close">;

/** Nothing here keeps the process from ending: neither sockets nor timers. */
export class Wire {
  readonly #options: WireOptions;
  readonly #open = new Set<ClientRequest>();
  readonly #agents = new Map<string, Agent>();
  #isClosed = false;

  constructor(options: WireOptions) {
    this.#options = options;
  }

  /** Sends a request and reads the whole answer. Rejects with an Error whose message says why there is none. */
  async send(base: string, path: string, { timeoutMs, ...sending }: Sending): Promise<Answer> {
    const { request } = await this.#request(base, path, sending, true);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        request.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`));
      }, timeoutMs).unref();
      const fail = (error: Error): void => {
        clearTimeout(late);
        reject(error);
      };
      let isAnswered = false;
      request.on("error", fail);
      request.once("close", () => {
        if (!isAnswered) fail(new Error("the connection broke off"));
      });
      request.once("response", (response) => {
        isAnswered = true;
        const { statusCode: status = 0, headers } = response;
        textOf(response).then((text) => {
          clearTimeout(late);
          resolve({ status, headers, text });
        }, fail);
      });
      request.end(sending.body);
    });
  }

  /** Follows a stream on a connection of its own, until it ends or the function returned cuts it. */
  follow(base: string, path: string, following: Following): () => void {
    let isCut = false;
    let cut = (): void => undefined;
    const ended = (why: string): void => {
      if (isCut) return;
      isCut = true;
      cut();
      following.ended(why);
    };
    const headers = { accept: "text/event-stream", "cache-control": "no-store" };
    this.#request(base, path, { headers }, false).then(
      ({ request }) => {
        cut = () => void request.destroy();
        if (isCut) cut();
        request.on("error", ({ message }) => ended(message));
        request.once("close", () => ended("the connection ended"));
        request.once("response", (response) => {
          response.setEncoding("utf8");
          response.on("error", ({ message }) => ended(message));
          if (!isCut) following.answered(statusOf(response));
          response.on("data", (chunk: string) => {
            if (!isCut) following.data(chunk);
          });
        });
        request.end();
      },
      (error: unknown) => ended(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      isCut = true;
      cut();
    };
  }

  /** Cuts all connections; resolves when they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const open = [...this.#open];
    const gone = open.map((request) => new Promise<void>((resolve) => void request.once("close", resolve)));
    for (const request of open) request.destroy();
    for (const agent of this.#agents.values()) agent.destroy();
    await Promise.all(gone);
  }

  async #request(base: string, path: string, sending: Omit<Sending, "timeoutMs">, keepsAlive: boolean) {
    const { method = "GET", headers = {}, body } = sending;
    const isSecure = base.startsWith("https:");
    // Loaded on use: to import the guard is to load neither.
    const http = isSecure ? await import("node:https") : await import("node:http");
    if (this.#isClosed) throw new Error("closed");
    const agent = keepsAlive ? this.#agent(base, () => new http.Agent({ keepAlive: true, maxFreeSockets: 1 })) : false;
    const options: RequestOptions & { ca?: string } = {
      method,
      agent,
      headers: {
        ...headers,
        authorization: `Bearer ${this.#options.token}`,
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) }),
      },
      ...(isSecure && this.#options.ca !== undefined ? { ca: this.#options.ca } : {}),
    };
    const request = http.request(`${base}${path}`, options);
    this.#open.add(request);
    request.once("close", () => void this.#open.delete(request));
    // Each time: an agent of Node's takes hold of the process again with every use of a kept socket.
    request.on("socket", (socket) => void socket.unref());
    return { request };
  }

  #agent(base: string, create: () => Agent): Agent {
    const known = this.#agents.get(base);
    if (known) return known;
    const agent = create();
    this.#agents.set(base, agent);
    return agent;
  }
}

/** A page that a proxy answers with is no stream, whatever its status. */
function statusOf({ statusCode = 0, headers }: IncomingMessage): number {
  const isStream = headers["content-type"]?.startsWith("text/event-stream") === true;
  return statusCode === 200 && !isStream ? 0 : statusCode;
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response as AsyncIterable<string>) {
    text += chunk;
    if (text.length > LARGEST_ANSWER) throw new Error("the answer is larger than any of a switch");
  }
  return text;
}
