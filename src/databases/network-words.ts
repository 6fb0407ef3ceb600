import { errorCode } from "../doors/words.ts";
import { placeOf } from "./address.ts";

const LOST = "the database closed the connection";

/** What went wrong between here and a database server, in words; null for what was no fault of the network. */
export function networkWords(error: unknown, url: string, defaultPort: number): string | null {
  const place = placeOf(url, defaultPort);
  // A name with two addresses fails twice at once; each says the same.
  const code = errorCode(error instanceof AggregateError ? (error.errors[0] as unknown) : error);
  const words: Record<string, string> = {
    ECONNREFUSED: `connection refused at ${place}`,
    ENOTFOUND: `the name of ${place} is not known`,
    EAI_AGAIN: `the name of ${place} could not be looked up`,
    EHOSTUNREACH: `${place} cannot be reached`,
    ENETUNREACH: `${place} cannot be reached`,
    ETIMEDOUT: `no answer from ${place}`,
    ECONNRESET: LOST,
    EPIPE: LOST,
    PROTOCOL_CONNECTION_LOST: LOST,
    ENOENT: `there is no socket at ${place}`,
    DEPTH_ZERO_SELF_SIGNED_CERT: `the certificate of ${place} is self-signed`,
    SELF_SIGNED_CERT_IN_CHAIN: `the certificate of ${place} is signed by an unknown authority`,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: `the certificate of ${place} is signed by an unknown authority`,
    CERT_HAS_EXPIRED: `the certificate of ${place} has expired`,
    ERR_TLS_CERT_ALTNAME_INVALID: `the certificate of ${place} is for another host`,
  };
  return words[code] ?? null;
}
