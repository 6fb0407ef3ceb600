import { openSession, type Session } from "../../src/databases/session.ts";
import { type Capturer, createCapturer } from "../../src/rollback/sql/capture.ts";
import { NO_SECRETS } from "../databases/opening.ts";
import { opened, type Place } from "../ledger/ledgers.ts";
import { afterThisTest } from "../support/ending.ts";

/** An empty database of any dialect, with what undoes and what captures in it; closed after the test. */
export async function openPlace(place: Place): Promise<{ url: string; session: Session; capturer: Capturer }> {
  const url = await place.fresh();
  // It makes SQLite's file, too.
  await opened(url);
  const options = { directory: "/", secrets: NO_SECRETS, statementTimeoutMs: 5_000 };
  const session = await openSession(url, options);
  const capturer = createCapturer(options);
  afterThisTest(() => Promise.all([session.close(), capturer.close()]));
  return { url, session, capturer };
}
