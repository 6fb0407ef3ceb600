// What a live audit adds to the time that its rehearsals take: everything from the start of the process to its end that
// is neither the rehearsal of the switch nor that of the breaker. The script's dry runs count as added.
import { liveAudits } from "./audits.mjs";
import { median, milliseconds, seconds } from "./support.mjs";

const BOUND_MS = 2_000;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function live() {
  const { audits, empty } = await liveAudits();
  const parts = audits.map(partsOf);
  const of = (part) => median(parts.map((one) => one[part]));
  return [
    {
      what: "a live audit, beside its rehearsals",
      measured: `${seconds(of("added"))} (${seconds(of("script"))} of it the rollback script's)`,
      bound: `< ${seconds(BOUND_MS)}`,
      peer: `its rehearsals: ${seconds(of("rehearsals"))}, node -e 0: ${milliseconds(median(empty.map(({ wallMs }) => wallMs)))}`,
      met: of("added") < BOUND_MS,
    },
  ];
}

/**
 * Each check tells how long the facts that it needs took, shared ones in full: 05.2 needs the rehearsal and the drill
 * log, 05.4 the breaker's rehearsal and the actions, 05.5 the records and the actions, 05.10 all of those but the
 * rehearsals, 05.6 what 05.5 needs and the script. The actions, two small files, cannot be told from the breaker's
 * rehearsal.
 */
function partsOf({ wallMs, report }) {
  const took = (id) => report.suites[0].checks.find((check) => check.id === id).durationMs;
  const drills = took("05.10") - took("05.5");
  const rehearsals = took("05.2") - drills + took("05.4");
  return { added: wallMs - rehearsals, rehearsals, script: took("05.6") - took("05.5") };
}
