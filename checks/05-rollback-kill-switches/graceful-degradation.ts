import { couldNotBeChecked, defineCheck, fail, type Judgement, pass, skip, warn } from "../../src/audit/check.ts";
import { absent } from "../../src/audit/fact.ts";
import type { BreakerRehearsalFacts } from "../../src/evidence/facts.ts";
import { NO_WRITE_ACTION, writeTypes } from "./write-types.ts";

const SUBJECT = "Graceful degradation";
const CONSENT =
  "consent to opening the breaker: breaker.rehearse with open and close, and probes for a read and a write";
const GATE_READS = "let reads pass the open breaker: only writes wait for a person";
const GATE_WRITES = "send every write through the breaker: while it is open none may be accepted";

export default defineCheck({
  id: "05.4",
  key: "graceful-degradation",
  subject: SUBJECT,
  asks: "When the breaker opens, do reads go on while writes wait for a person?",
  why: "A breaker that kills everything will not be trusted to open by itself; degraded is better than dead.",
  fix: GATE_READS,
  needs: { breakerRehearsal: "optional", actions: "optional" },
  section: ["breaker", "rehearse"],
  absent: ({ why }) => notObserved(why),
  judge({ breakerRehearsal, actions }) {
    // A rehearsal sent writes that were accepted: whatever an inventory says, this agent writes.
    if (breakerRehearsal.state === "found") return judgeRehearsal(breakerRehearsal.value);
    if (writeTypes(actions, absent("not asked")).noneShown) {
      return skip(`Graceful degradation does not apply — ${NO_WRITE_ACTION}`);
    }
    if (breakerRehearsal.state === "failed") return couldNotBeChecked(SUBJECT, breakerRehearsal.why);
    return notObserved(breakerRehearsal.why);
  },
});

function judgeRehearsal({ writesRefused, writesAccepted, reads }: BreakerRehearsalFacts): Judgement {
  if (!writesRefused || writesAccepted > 0) return fail("Writes continue when breaker is open", GATE_WRITES);
  if (reads.accepted < reads.sent) return fail("No graceful degradation: reads stop when breaker is open", GATE_READS);
  if (reads.sent === 0) return couldNotBeChecked(SUBJECT, "no read was sent while the breaker was open");
  return pass("Graceful degradation: reads continue when breaker is open");
}

function notObserved(why: string): Judgement {
  return warn(`Graceful degradation declared, not observed — ${why}`, CONSENT);
}
