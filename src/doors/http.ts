import type { Dispatcher } from "undici";
import type { HttpCall } from "../config/call.ts";
import { systemClock } from "../values/clock.ts";
import { CallFailed, type CallContext, type Failure, type FailureKind, type HttpAnswer } from "./door.ts";
import { openConnection, type Connection } from "./http-connection.ts";
import { failureOf, timeoutOf, type Circumstances, type Phase } from "./http-failure.ts";
import { prepareRequest, type PreparedRequest } from "./http-request.ts";
import { redirectTarget } from "./redirect.ts";

const DEFAULT_LIMIT_MS = 10_000;
const MOST_BYTES = 1024 * 1024;
const MOST_REDIRECTS = 5;

/**
 * Sends a request on a connection of its own and waits for the whole answer, which is redacted. The limit covers all
 * from the name's look-up to the last byte, redirects included. Throws CallFailed.
 */
export async function sendHttp(call: HttpCall, context: CallContext): Promise<HttpAnswer> {
  const exchange: Exchange = {
    call,
    context,
    limitMs: call.timeout ?? context.timeoutMs ?? context.http.timeout ?? DEFAULT_LIMIT_MS,
    stop: new AbortController(),
    sentAt: null,
    host: "",
    connection: null,
    reading: false,
  };
  const interrupt = (): void => {
    exchange.stop.abort(new Stopped({ kind: "aborted", why: "interrupted" }));
  };
  context.signal?.addEventListener("abort", interrupt);
  let timer: NodeJS.Timeout | undefined;
  try {
    if (context.signal?.aborted) interrupt();
    const request = await prepareRequest(call, context);
    const connection = await openConnection(request.url, context, exchange.limitMs);
    exchange.sentAt = systemClock.monotonic();
    timer = setTimeout(() => {
      exchange.stop.abort(new Stopped(timeoutOf(circumstancesOf(exchange))));
    }, exchange.limitMs);
    return await follow(request, connection, exchange);
  } catch (error) {
    throw callFailed(error, exchange);
  } finally {
    clearTimeout(timer);
    context.signal?.removeEventListener("abort", interrupt);
  }
}

/** One call under way: what its failure is told from. */
interface Exchange {
  readonly call: HttpCall;
  readonly context: CallContext;
  readonly limitMs: number;
  readonly stop: AbortController;
  /** Null until everything is ready: looking secrets up and loading the client are no part of the time that is measured. */
  sentAt: number | null;
  host: string;
  connection: Connection | null;
  reading: boolean;
}

/** Ends an exchange from within. */
class Stopped extends Error {
  override name = "Stopped";
  readonly kind: FailureKind;
  constructor({ kind, why }: Failure) {
    super(why);
    this.kind = kind;
  }
}

async function follow(first: PreparedRequest, opened: Connection, exchange: Exchange): Promise<HttpAnswer> {
  let request = first;
  let connection = opened;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const answer = await ask(request, connection, exchange);
    const target = redirectTarget(answer, request, exchange.call);
    if (target === null) return redacted(answer, exchange);
    if (target.origin !== request.url.origin) {
      throw new Stopped({ kind: "redirect", why: `redirects to another origin (${target.origin})` });
    }
    request = { ...request, url: target };
    connection = await openConnection(target, exchange.context, exchange.limitMs);
  }
  throw new Stopped({ kind: "redirect", why: `redirects more than ${MOST_REDIRECTS} times` });
}

async function ask(request: PreparedRequest, connection: Connection, exchange: Exchange): Promise<HttpAnswer> {
  const { url, method, headers, body } = request;
  Object.assign(exchange, { host: url.host, connection, reading: false });
  try {
    const response = await connection.dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers,
      body,
      signal: exchange.stop.signal,
      reset: true,
    });
    exchange.reading = true;
    const text = await readBody(response, exchange.context.mostBytes ?? MOST_BYTES);
    const arrivedAt = systemClock.monotonic();
    const sentAt = exchange.sentAt ?? arrivedAt;
    return { via: "http", status: response.statusCode, headers: flat(response.headers), text, sentAt, arrivedAt };
  } finally {
    // The socket is closed at once; the promise only tells when the last callback has run.
    void connection.dispatcher.destroy();
  }
}

async function readBody(response: Dispatcher.ResponseData, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > most)
      throw new Stopped({ kind: "too-large", why: `its answer is larger than ${Math.round(most / MOST_BYTES)} MB` });
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function flat(headers: Dispatcher.ResponseData["headers"]): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(", ")]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function redacted(answer: HttpAnswer, { context: { secrets } }: Exchange): HttpAnswer {
  const headers = Object.entries(answer.headers).map(([name, value]) => [name, secrets.redact(value)]);
  return {
    ...answer,
    headers: Object.fromEntries(headers) as Record<string, string>,
    text: secrets.redact(answer.text),
  };
}

function circumstancesOf({ host, connection, reading, limitMs, sentAt }: Exchange): Circumstances {
  const waiting: Phase = connection?.connected() ? "waiting" : "connecting";
  const phase = sentAt === null ? "preparing" : reading ? "reading" : waiting;
  return { phase, host, proxy: connection?.proxy ?? null, limitMs };
}

function callFailed(error: unknown, exchange: Exchange): CallFailed {
  // Whatever an abort made the client throw, its reason is what happened.
  const cause: unknown = exchange.stop.signal.aborted ? exchange.stop.signal.reason : error;
  const { kind, why } =
    cause instanceof Stopped ? { kind: cause.kind, why: cause.message } : failureOf(cause, circumstancesOf(exchange));
  const now = systemClock.monotonic();
  return new CallFailed(kind, exchange.context.secrets.redact(why), exchange.sentAt ?? now, now);
}
