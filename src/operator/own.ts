import type { HttpCall } from "../config/call.ts";
import { CallFailed, type HttpAnswer } from "../doors/door.ts";
import { sendHttp } from "../doors/http.ts";
import { answerJson } from "../doors/reading.ts";
import { SwitchProblem } from "./problem.ts";
import type { OwnTarget } from "./target.ts";

/** Requests to the kill switch service. */

/** How long anybody waits for an answer (contract, 4.1); milliseconds. */
export const ANSWER_WITHIN_MS = 5_000;

export interface OwnRequest {
  method?: NonNullable<HttpCall["method"]>;
  /** Begins with a slash; values in it are percent-encoded. */
  path: string;
  json?: object;
  headers?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

/** The fleet of thousands, or a page of the log with lines of drills. */
const LARGEST_ANSWER = 32 * 1024 * 1024;

/** Sends one request. Throws CallFailed. */
export function askOwn({ url, context }: OwnTarget, request: OwnRequest): Promise<HttpAnswer> {
  const { method, path, json, headers, timeoutMs = ANSWER_WITHIN_MS, signal } = request;
  const call: HttpCall = {
    url: literal(`${url}${path}`),
    timeout: Math.max(1, Math.ceil(timeoutMs)),
    ...(method === undefined ? {} : { method }),
    ...(json === undefined ? {} : { body: literal(JSON.stringify(json)) }),
  };
  const type = json === undefined ? {} : { "content-type": "application/json" };
  return sendHttp(call, {
    ...context,
    mostBytes: LARGEST_ANSWER,
    headers: { ...type, ...headers, ...context.headers },
    ...(signal ? { signal } : {}),
  });
}

/** Calls are templates: what a person wrote is not. */
function literal(text: string): string {
  return text.replaceAll("${", () => "$${");
}

/** An answer in JSON that only a switch of ours gives. */
export interface OwnAnswer<Body> {
  status: number;
  headers: Record<string, string>;
  body: Body;
}

/**
 * Sends one request and reads its answer; `proof` is a member that the answer must have. Throws SwitchProblem: the
 * switch's own words, or that none answered.
 */
export async function askJson<Body extends object>(
  target: OwnTarget,
  request: OwnRequest,
  proof: keyof Body & string,
): Promise<OwnAnswer<Body>> {
  try {
    return readAnswer<Body>(await askOwn(target, request), proof);
  } catch (error) {
    if (error instanceof CallFailed) throw unanswered(target, error.why);
    throw error;
  }
}

/** That no switch answered, and why. */
export function unanswered({ url }: OwnTarget, why: string): SwitchProblem {
  return new SwitchProblem("unanswered", `no switch answered at ${url}: ${why}`);
}

/** What the switch answered. Throws SwitchProblem where that is a refusal, or not a switch's at all. */
export function readAnswer<Body extends object>(answer: HttpAnswer, proof: keyof Body & string): OwnAnswer<Body> {
  const { status, headers } = answer;
  const json = answerJson(answer);
  const body = "why" in json ? null : json.value;
  if (isObject(body) && proof in body) return { status, headers, body: body as Body };
  const words = isObject(body) && "error" in body && typeof body.error === "string" ? body.error : null;
  if (status < 500 && status >= 400)
    throw new SwitchProblem("refused", words ?? `the switch answered ${status}`, status);
  // 507: it did not do what it could not make durable.
  if (status === 507 && words !== null) throw new SwitchProblem("refused", words, status);
  const why = words === null ? "" : `: ${words}`;
  if (status >= 500) throw new SwitchProblem("unanswered", `the switch answered ${status}${why}`, status);
  throw new SwitchProblem(
    "unanswered",
    `this is no kill switch of clawproof: it ${"why" in json ? json.why : `answered ${status} without ${proof}`}`,
    status,
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
