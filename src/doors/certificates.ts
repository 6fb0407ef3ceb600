import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { fill } from "../config/template.ts";
import type { CallContext } from "./door.ts";
import { Unsendable } from "./http-request.ts";

/** Whose certificates are believed; empty for Node's own list. */
export interface Trust {
  secureContext?: SecureContext;
}

/** Reading the hundred and more authorities that everybody trusts takes milliseconds: once a file, not once a probe. */
const known = new Map<string, SecureContext>();

/** The authorities that everybody trusts, and beside them those in the file `http.ca`. Throws Unsendable where that cannot be read. */
export async function trustFor(context: CallContext): Promise<Trust> {
  if (context.http.ca === undefined) return {};
  const file = await fill(context.http.ca, context);
  const pem = await readFile(resolve(context.directory, file), "utf8").catch(() => {
    throw new Unsendable(`${file} (http.ca) cannot be read`);
  });
  const secureContext = known.get(pem) ?? secureContextOf(pem, file);
  known.set(pem, secureContext);
  return { secureContext };
}

function secureContextOf(pem: string, file: string): SecureContext {
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new Unsendable(`${file} (http.ca) holds no certificate`);
  try {
    return createSecureContext({ ca: [...rootCertificates, pem] });
  } catch {
    // OpenSSL's own words (`PEM routines:bad end line`) help nobody here.
    throw new Unsendable(`${file} (http.ca) holds a certificate that cannot be read`);
  }
}
