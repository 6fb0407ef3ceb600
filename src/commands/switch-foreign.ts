import type { ExitCode } from "../audit/report.ts";
import {
  activateForeign,
  type ForeignOrder,
  knowsNoScopes,
  releaseForeign,
  waitForStatus,
} from "../operator/foreign.ts";
import type { ForeignTarget } from "../operator/target.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Prepared } from "./switch-order.ts";
import { tell } from "./switch-outcome.ts";
import { jsonLine } from "./switch-run.ts";
import { localTime, modeWords, scopeWords, secondsWords } from "./switch-words.ts";

/** Kill and release on a switch of somebody else's make. */

export interface ForeignWish {
  ttlSeconds?: number | undefined;
  next: object;
  /** What is printed after what was done. */
  lines: (did: string) => string[];
}

/** 0 once its status says so within the time to wait, else 1; who obeys is not known (contract, 4.1). Throws SwitchProblem. */
export async function orderForeign(
  prepared: Prepared<ForeignTarget>,
  wish: ForeignWish,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { verb, target, scope, reason, by, waitMs } = prepared;
  const { clock, stderr, signal } = surroundings;
  const stopped = verb === "kill";
  const takesAll = knowsNoScopes(target) && scope !== "*";
  if (takesAll) {
    stderr.write(`this switch knows no scopes: it ${stopped ? "stops" : "releases"} all that it covers\n`);
  }
  const since = clock.monotonic();
  const at = new Date(clock.now()).toISOString();
  const order: ForeignOrder = { scope, reason, activator: by, ttlSeconds: wish.ttlSeconds };
  await (stopped ? activateForeign : releaseForeign)(target, order, clock);
  const why = await waitForStatus(target, { scope, stopped, waitMs, clock, signal });
  const afterMs = clock.monotonic() - since;
  stderr.write(
    `${why === null ? confirmed(stopped, afterMs) : `the switch took the order, but ${why}`}; obedience not known\n`,
  );
  const exitCode = why === null ? 0 : signal.aborted ? 130 : 1;
  const doing =
    why === null ? modeWords(stopped ? "stopped" : "running") : `was ordered to ${stopped ? "stop" : "act"}`;
  const whom = takesAll ? `everything that this switch covers, not only ${scopeWords(scope)},` : scopeWords(scope);
  const did = `${whom} ${doing} (by ${by}, ${localTime(at)})`;
  tell(
    prepared,
    surroundings,
    wish.lines(did),
    foreignJson(prepared, { why, afterMs, at, takesAll }, wish.next, exitCode),
  );
  return exitCode;
}

function confirmed(stopped: boolean, afterMs: number): string {
  return `the switch says ${stopped ? "stopped" : "running"} after ${secondsWords(afterMs)}`;
}

function foreignJson(
  { verb, where, scope, reason, by, target }: Prepared,
  { why, afterMs, at, takesAll }: { why: string | null; afterMs: number; at: string; takesAll: boolean },
  next: object,
  exitCode: ExitCode,
): string {
  return jsonLine({
    command: verb,
    switch: where,
    source: target.source,
    scope,
    covers: takesAll ? "*" : scope,
    reason,
    by,
    at,
    instances: null,
    confirmed: why === null,
    why,
    afterMs: Math.round(afterMs),
    next,
    exitCode,
  });
}
