import type { HttpCall } from "../config/call.ts";
import type { HttpAnswer } from "./door.ts";
import type { PreparedRequest } from "./http-request.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Redirects that keep method and body. */
const KEEPING = new Set([307, 308]);

/**
 * Where an answer sends us; null where it is the answer itself. A status that the call names (`refused: [{ status: 302 }]`)
 * is an answer, and so is what would turn an order into a GET: the page behind it says nothing about the order.
 */
export function redirectTarget(answer: HttpAnswer, request: PreparedRequest, call: HttpCall): URL | null {
  const location = answer.headers["location"];
  if (location === undefined || !REDIRECTS.has(answer.status) || names(call, answer.status)) return null;
  if (!URL.canParse(location, request.url.href)) return null;
  const target = new URL(location, request.url.href);
  const follows = request.method === "GET" || request.method === "HEAD" || KEEPING.has(answer.status);
  return follows || target.origin !== request.url.origin ? target : null;
}

function names(call: HttpCall, status: number): boolean {
  const described = [call.expect, ...(call.refused ?? [])];
  return described.some((expectation) => [expectation?.status].flat().includes(status));
}
