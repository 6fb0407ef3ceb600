import type { BeatMessage, OrderAnswer, StateMessage } from "../protocol/messages.ts";
import type { Mode } from "../protocol/mode.ts";
import type { Cause, Order } from "../protocol/order.ts";
import { parseScope } from "../protocol/scope.ts";

/**
 * What comes from the service, looked at before it is believed; null for what is not as the protocol says. By hand: an
 * agent is to load no schema library for four shapes.
 */

type Fields = Record<string, unknown>;

const MODES: ReadonlySet<unknown> = new Set<Mode>(["running", "read-only", "stopped"]);
const CAUSES: ReadonlySet<unknown> = new Set<Cause>(["person", "breaker"]);

export function readState(value: unknown): StateMessage | null {
  if (!isFields(value)) return null;
  const beat = readBeat(value);
  const { orders, leaseSeconds } = value;
  if (beat === null || !Array.isArray(orders) || !isNumber(leaseSeconds) || leaseSeconds <= 0) return null;
  const read = orders.map(readOrder);
  // An order that we cannot read may be the one that stops us: then all of it was not heard, and the lease runs out.
  return read.every((order) => order !== null) ? { ...beat, leaseSeconds, orders: read } : null;
}

export function readBeat(value: unknown): BeatMessage | null {
  if (!isFields(value)) return null;
  const { series, epoch, sentAt, boot } = value;
  return isText(series) && isEpoch(epoch) && isNumber(sentAt) && isText(boot) ? { series, epoch, sentAt, boot } : null;
}

/** The answer to an order; only what says that there is one is looked at. */
export function readAnswer(value: unknown): OrderAnswer | null {
  if (!isFields(value)) return null;
  const { series, epoch, scope, mode, durable } = value;
  const isAnswer = isText(series) && isEpoch(epoch) && isText(scope) && MODES.has(mode) && typeof durable === "boolean";
  return isAnswer ? (value as unknown as OrderAnswer) : null;
}

/** Null where the text is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function readOrder(value: unknown): Order | null {
  if (!isFields(value)) return null;
  const { epoch, scope, mode, cause, by, reason, at, expiresAt } = value;
  if (!isEpoch(epoch) || !isText(scope) || parseScope(scope) === null || !isForbidding(mode) || !isCause(cause)) {
    return null;
  }
  if (typeof by !== "string" || typeof reason !== "string" || typeof at !== "string") return null;
  const order: Order = { epoch, scope, mode, cause, by, reason, at };
  return typeof expiresAt === "string" ? { ...order, expiresAt } : order;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isEpoch(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isForbidding(value: unknown): value is Exclude<Mode, "running"> {
  return MODES.has(value) && value !== "running";
}

function isCause(value: unknown): value is Cause {
  return CAUSES.has(value);
}
