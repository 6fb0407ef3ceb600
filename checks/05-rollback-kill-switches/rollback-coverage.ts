import { couldNotBeChecked, defineCheck, fail, type Judgement, pass, skip, warn } from "../../src/audit/check.ts";
import type { Evidence } from "../../src/audit/fact.ts";
import type { ScriptFacts } from "../../src/evidence/facts.ts";
import { evidence, isWithheld, withEvidence } from "./words.ts";
import { NO_WRITE_ACTION, type WriteTypes, writeTypes } from "./write-types.ts";

const SUBJECT = "Rollback script";
const FIX =
  "write one script that takes back everything of a trace or a time window, and name it under rollback.script";
const TRACE = "let the script take a trace ID, and say how under rollback.script.trace";
const WINDOW = "let the script take a time window, and say how under rollback.script.window";
const COVER = "teach the script the missing types, or declare them irreversible with what a person must do instead";
const DRY = "let the script's dry run print what it would undo, differing by trace, exiting 0, changing nothing";
const SHOW = "consent to dry runs on real traces, one of each type: rollback.script.rehearse: { trace: recent }";
const HANDLE =
  "give the missing types an undo, in the agent's guard or under rollback.undo, or say that they are irreversible";
const LOOK = "let the agent make one write of each type, and see to it that what its undo looks at can be reached";
const NAME_TYPES = "list what the agent can do: agent.actions, or agent.inventory";

export default defineCheck({
  id: "05.6",
  key: "rollback-coverage",
  subject: SUBJECT,
  asks: "Does one command take back every kind of write, by trace or by time window?",
  why: "At three in the morning nobody writes 340 corrections by hand, nor a script that knows every kind of them.",
  fix: FIX,
  needs: { script: "optional", actions: "optional", records: "optional" },
  section: ["rollback", "script"],
  absent: () => fail("No rollback script configured"),
  judge({ script, actions, records }, { now }) {
    const wanted = writeTypes(actions, records);
    if (wanted.noneShown && records.state !== "failed") {
      return skip(`Rollback script does not apply — ${NO_WRITE_ACTION}`);
    }
    if (script.state === "failed") return couldNotBeChecked(SUBJECT, script.why);
    if (script.state !== "found") {
      return isWithheld(script)
        ? warn(`Rollback script not judged — ${script.why}`)
        : fail("No rollback script configured");
    }
    return withEvidence(judgeScript(script.value, wanted), named(wanted, now));
  },
});

function judgeScript(script: ScriptFacts, wanted: WriteTypes): Judgement {
  const { by, takesTrace, takesWindow, dryRun, listed } = script;
  if (!takesTrace) return fail("Rollback script takes no trace ID", TRACE);
  if (!takesWindow) return fail("Rollback script takes no time window", WINDOW);
  if (dryRun.state === "failed") return fail(`Rollback script failed its dry run — ${dryRun.why}`, DRY);
  if (wanted.unread !== null) return couldNotBeChecked(SUBJECT, wanted.unread);
  const irreversible = wanted.irreversible.map(({ type }) => type);
  const types = wanted.types.filter((type) => !irreversible.includes(type));
  if (types.length === 0) return nothingToCover(irreversible);
  const seen = dryRun.state === "seen" ? types.filter((type) => dryRun.types.includes(type)) : [];
  if ("why" in listed) {
    return seen.length === types.length ? covered(types.length) : couldNotBeChecked(SUBJECT, listed.why);
  }
  const said = types.filter((type) => listed.types.includes(type));
  const remedies = by === "ledger" ? { cover: HANDLE, show: LOOK } : { cover: COVER, show: SHOW };
  return coverage(types, said, whyUnseen(said, seen, dryRun), remedies);
}

/** `unseen` is why what the script says of itself was not seen in a dry run; null where it was. */
function coverage(
  types: readonly string[],
  said: readonly string[],
  unseen: string | null,
  { cover, show }: { cover: string; show: string },
): Judgement {
  const share = `${said.length}/${types.length}`;
  if (said.length === 0) return fail(`Rollback script covers ${share} write action types`, cover);
  // The script's own list is its word, and against itself that is enough.
  const missing = types.filter((type) => !said.includes(type));
  const gap = missing.length > 0 ? [`${missing.join(", ")} missing`] : [];
  if (unseen !== null) {
    return warn(`Rollback script says it covers ${share}, not seen — ${[unseen, ...gap].join("; ")}`, show);
  }
  if (gap.length === 0) return covered(types.length);
  return warn(`Rollback script covers ${share} write action types — ${gap.join()}`, cover);
}

function covered(count: number): Judgement {
  return pass(`Rollback script covers ${count}/${count} write action types`);
}

function nothingToCover(irreversible: readonly string[]): Judgement {
  if (irreversible.length === 0) {
    return warn("Rollback script covers 0/0 write action types — no write action type is known", NAME_TYPES);
  }
  return warn(
    `Rollback script covers 0/0 write action types — ${irreversible.join(", ")} declared irreversible`,
    COVER,
  );
}

function whyUnseen(said: readonly string[], seen: readonly string[], dryRun: ScriptFacts["dryRun"]): string | null {
  if (dryRun.state !== "seen") return dryRun.why;
  const unseen = said.filter((type) => !seen.includes(type));
  if (unseen.length === 0) return null;
  const reasons = (dryRun.unseen ?? []).filter(({ type }) => unseen.includes(type)).map(({ why }) => why);
  return reasons.length > 0 ? reasons.join(", ") : `no dry run covered ${unseen.join(", ")}`;
}

function named({ irreversible }: WriteTypes, now: number): Evidence[] {
  return irreversible.map(({ type, instead }) =>
    evidence("declared", "the configuration", `${type} is irreversible and not counted: ${instead}`, now),
  );
}
