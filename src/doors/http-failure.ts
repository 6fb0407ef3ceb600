import { MissingSecret } from "../config/secrets.ts";
import { Unfilled } from "../config/template.ts";
import type { Failure } from "./door.ts";
import { Unsendable } from "./http-request.ts";
import { errorCode, limitWords } from "./words.ts";

/** How far a request had come: what may be concluded from its failure depends on that. */
export type Phase = "preparing" | "connecting" | "waiting" | "reading";

/** What a failure is told from. */
export interface Circumstances {
  phase: Phase;
  /** `HOST[:PORT]` that was asked. */
  host: string;
  proxy: string | null;
  limitMs: number;
}

const CERTIFICATES: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "comes from an authority that is not trusted here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "comes from an authority that is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT: "comes from an authority that is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "comes from an authority that is not trusted here",
  CERT_UNTRUSTED: "comes from an authority that is not trusted here",
  CERT_HAS_EXPIRED: "has expired",
  CERT_NOT_YET_VALID: "is not valid yet",
  CERT_REVOKED: "was revoked",
  ERR_TLS_CERT_ALTNAME_INVALID: "is for another name",
};

/** A failed request in a person's words. What is no failure of sending (a bug of ours) is thrown on. */
export function failureOf(error: unknown, circumstances: Circumstances): Failure {
  if (error instanceof MissingSecret) return { kind: "missing-secret", why: error.message };
  if (error instanceof Unfilled || error instanceof Unsendable) return { kind: "other", why: error.message };
  // The parser's errors have a code for some faults only, but always this name.
  const code = errorCode(error) || (error instanceof Error && error.name === "HTTPParserError" ? "HPE_" : "");
  const failure = certificateFailure(code, circumstances) ?? networkFailure(code, circumstances);
  if (failure === null) throw error;
  return circumstances.proxy === null ? failure : throughProxy(failure, code, circumstances.proxy);
}

/** No answer within the limit, said of the step that took too long. */
export function timeoutOf({ phase, limitMs }: Pick<Circumstances, "phase" | "limitMs">): Failure {
  const limit = limitWords(limitMs);
  if (phase === "connecting") return { kind: "timeout", why: `no connection in ${limit}` };
  if (phase === "reading") return { kind: "timeout", why: `the answer did not end in ${limit}` };
  return { kind: "timeout", why: `no answer in ${limit}` };
}

function certificateFailure(code: string, { host }: Circumstances): Failure | null {
  const words = CERTIFICATES[code] ?? (code.startsWith("CERT_") ? "is not valid" : undefined);
  return words === undefined ? null : { kind: "certificate", why: `the certificate of ${host} ${words}` };
}

function networkFailure(code: string, circumstances: Circumstances): Failure | null {
  const { host, phase } = circumstances;
  switch (code) {
    case "ECONNREFUSED":
      return { kind: "gone", why: "connection refused" };
    case "ECONNRESET":
    case "EPIPE":
      return phase === "reading" ? brokenOff : { kind: "gone", why: "connection reset" };
    case "UND_ERR_SOCKET":
      return phase === "reading" ? brokenOff : { kind: "gone", why: "connection closed without an answer" };
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
      return brokenOff;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { kind: "not-found", why: `${host.replace(/:\d+$/, "")} was not found` };
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
      return { kind: "other", why: `${host} cannot be reached from here` };
    case "ETIMEDOUT":
    case "UND_ERR_CONNECT_TIMEOUT":
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return timeoutOf(circumstances);
    case "UND_ERR_HEADERS_OVERFLOW":
      return { kind: "too-large", why: "its headers are larger than 16 kB" };
    case "UND_ERR_INVALID_ARG":
      return { kind: "other", why: "HTTP does not allow this method, address or header" };
    case "UND_ERR_ABORTED":
    case "UND_ERR_PRX_TLS":
      return { kind: "other", why: "no connection" };
  }
  if (code.startsWith("HPE_")) return { kind: "other", why: `${host} answered something that is not HTTP` };
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") return { kind: "other", why: `${host} does not speak TLS` };
  return null;
}

/** Something was answered: the agent was there, so it is not gone. */
const brokenOff: Failure = { kind: "other", why: "connection closed in the middle of the answer" };

/** Behind a proxy nobody can tell whose connection was refused: such a failure never counts as an agent that is gone. */
function throughProxy(failure: Failure, code: string, proxy: string): Failure {
  const words = code === "UND_ERR_ABORTED" ? "did not let us through" : failure.why;
  const kind = failure.kind === "gone" || failure.kind === "not-found" ? "other" : failure.kind;
  return { kind, why: `proxy ${proxy}: ${words}` };
}
