import { couldNotBeChecked, defineCheck, fail, type Judgement, pass, skip, warn } from "../../src/audit/check.ts";
import type { RecordsFacts, RecordsOfType } from "../../src/evidence/facts.ts";
import { counted, isWithheld } from "./words.ts";
import { NO_WRITE_ACTION, type WriteTypes, writeTypes } from "./write-types.ts";

const SUBJECT = "Rollback state";
const FIX = "store what undoing needs before each write, in a table of its own, and name it under rollback.records";
const COMPLETE = "store the value before (or the reference to take back) with every record of these types";
const EXERCISE = "let the agent make one write of each type, or find out why it records nothing for them";
const NAME_TYPES = "list what the agent can do: agent.actions, or agent.inventory";

/** How a requirement reads in a sentence; anything else is taken as it comes. */
const LACKS: Record<string, string> = {
  previous: "a previous value",
  reference: "a reference",
  trace: "a trace ID",
  at: "a time",
};

export default defineCheck({
  id: "05.5",
  key: "rollback-state",
  subject: SUBJECT,
  asks: "Does every kind of write leave behind what undoing it needs?",
  why: "Putting the old code back undoes nothing of what the new code did; what was not recorded cannot be restored.",
  fix: FIX,
  needs: { records: "optional", actions: "optional" },
  section: ["rollback", "records"],
  absent: () => fail("No rollback records configured"),
  judge({ records, actions }) {
    const wanted = writeTypes(actions, records);
    if (records.state === "failed") return couldNotBeChecked(SUBJECT, records.why);
    if (wanted.noneShown) return skip(`Rollback state does not apply — ${NO_WRITE_ACTION}`);
    if (records.state !== "found") {
      return isWithheld(records)
        ? warn(`Rollback state not judged — ${records.why}`)
        : fail("No rollback records configured");
    }
    return judgeRecords(records.value, wanted);
  },
});

function judgeRecords({ types }: RecordsFacts, wanted: WriteTypes): Judgement {
  const recorded = types.filter(({ total }) => total > 0);
  const lacking = recorded.flatMap(lacks);
  if (lacking.length > 0) return fail(`Rollback state incomplete: ${lacking.join("; ")}`, COMPLETE);
  if (wanted.unread !== null) return couldNotBeChecked(SUBJECT, wanted.unread);
  return coverage(wanted.types, new Set(recorded.map(({ type }) => type)));
}

function coverage(wanted: readonly string[], recorded: ReadonlySet<string>): Judgement {
  if (wanted.length === 0) {
    return warn("Rollback state recorded for 0/0 write action types — no write action type is known", NAME_TYPES);
  }
  const none = wanted.filter((type) => !recorded.has(type));
  if (none.length === 0)
    return pass(`Rollback state recorded for write actions (${counted(wanted.length, "action type")})`);
  const share = `${wanted.length - none.length}/${wanted.length}`;
  const verb = none.length === 1 ? "has" : "have";
  return warn(
    `Rollback state recorded for ${share} write action types — ${none.join(", ")} ${verb} no records yet`,
    EXERCISE,
  );
}

function lacks({ type, total, lacking }: RecordsOfType): string[] {
  return lacking
    .filter(({ count }) => count > 0)
    .map(({ what, count }) => `${type} lacks ${LACKS[what] ?? what} in ${count} of ${counted(total, "record")}`);
}
