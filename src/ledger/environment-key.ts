import { LedgerError } from "./ledger.ts";
import { checkSealing, type SealKey } from "./sealing-fields.ts";

/** The environment variable with the key that opens encrypted fields: `ID:SECRET`. */
export const LEDGER_KEY = "CLAWPROOF_LEDGER_KEY";

/** The key of the environment; none where it names none. Throws LedgerError, whose message never holds what was given. */
export function keysOf(env: Readonly<Record<string, string | undefined>>): SealKey[] {
  const written = env[LEDGER_KEY];
  if (written === undefined || written === "") return [];
  const colon = written.indexOf(":");
  const keys = [{ id: written.slice(0, colon), secret: written.slice(colon + 1) }];
  try {
    if (colon < 1) throw new LedgerError("it has no id");
    checkSealing({ keys });
    return keys;
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    throw new LedgerError(`${LEDGER_KEY} is not ID:SECRET, the secret 32 bytes in hexadecimal or base64`);
  }
}
