import { absent, type Evidence, failed, found, withheld } from "../audit/fact.ts";
import { publicWord } from "../config/redaction.ts";
import type { Script } from "../config/schema.ts";
import { MissingSecret } from "../config/secrets.ts";
import { parseTemplate, type PlaceholderName, Unfilled } from "../config/template.ts";
import { DatabaseFailed } from "../databases/database.ts";
import type { ScriptFacts } from "./facts.ts";
import type { Gather, Gathering } from "./gathering.ts";
import { dryRunScript } from "./script-dry-run.ts";
import { openScript, type RunScript } from "./script-run.ts";

/** The rollback script, or our own ledger: what it says it covers, what it takes, and what its dry runs showed. */
export const gatherScript: Gather<"script"> = async (gathering) => {
  const { project, mode } = gathering;
  const script = project.config.rollback?.script;
  const ledger = project.config.rollback?.ledger;
  if (!script && ledger === undefined) {
    return absent("rollback.script is not configured", project.where(["rollback"]));
  }
  const place = project.where(["rollback", script ? "script" : "ledger"]);
  if (mode === "offline") return withheld(`--offline ${script ? "runs no command" : "opens no database"}`, place);
  try {
    // A script that is named beside a ledger is what the team runs at three in the morning.
    if (!script) {
      const { coverageOfLedger } = await import("./ledger-coverage.ts");
      const { facts, evidence } = await coverageOfLedger(gathering);
      return found(facts, evidence, place);
    }
    const facts = await look(script, gathering);
    return found(facts, evidenceOf(facts, script, gathering), place);
  } catch (error) {
    if (isKnown(error)) return failed(project.secrets.redact(error.message), place);
    throw error;
  } finally {
    gathering.progress.clear();
  }
};

const isKnown = (error: unknown): error is Error =>
  error instanceof DatabaseFailed || error instanceof MissingSecret || error instanceof Unfilled;

async function look(script: Script, gathering: Gathering): Promise<ScriptFacts> {
  const run = openScript(script, gathering);
  const listing = listTypes(script, run);
  const takesTrace = takes(script.trace, ["trace"]);
  const takesWindow = takes(script.window, ["since", "until"]);
  const forbidden = whyNotDry(script, gathering) ?? (takesTrace ? null : "it takes no trace ID");
  const listed = listing.then((list) => ("types" in list ? list.types : null));
  // While the script lists its types, the tables for its dry runs are opened.
  const dryRun = forbidden === null ? dryRunScript({ script, run, gathering, takesWindow, listed }) : notRun(forbidden);
  // Whatever becomes of one of them, the other has ended too before anything else begins.
  await Promise.allSettled([listing, listed, dryRun]);
  return { by: "script", listed: await listing, takesTrace, takesWindow, dryRun: await dryRun };
}

const notRun = async (why: string): Promise<ScriptFacts["dryRun"]> => ({ state: "not-run", why });

function takes(args: readonly string[] | undefined, wanted: readonly PlaceholderName[]): boolean {
  const names = (args ?? []).flatMap((arg) =>
    parseTemplate(arg).parts.map((part) => (part.kind === "placeholder" ? part.name : null)),
  );
  return wanted.every((name) => names.includes(name));
}

/** A script is never run without its dry-run flag, and not without consent; null where it may be. */
function whyNotDry(script: Script, { mayAct, mode, notBack, project }: Gathering): string | null {
  if (!script.rehearse) return "nobody consented to dry runs (rollback.script.rehearse)";
  if (!script.dryRun || script.dryRun.length === 0) return "it has no dry run (rollback.script.dryRun)";
  if (mayAct !== true) return mayAct.why;
  if (mode === "read-only") return "--read-only acts on nothing";
  if (notBack.length > 0) return "something that was pulled is not back";
  return project.config.rollback?.records === undefined
    ? "without rollback.records nobody can tell whether a dry run changed anything"
    : null;
}

/** The script's own word for what it covers: one type a line, or a JSON array. */
async function listTypes(script: Script, run: RunScript): Promise<ScriptFacts["listed"]> {
  if (!script.types || script.types.length === 0) return { why: "it was not asked (rollback.script.types)" };
  const outcome = await run(script.types, {});
  if ("why" in outcome) return outcome;
  if (outcome.exit !== 0) return { why: outcome.complaint };
  return readTypes(outcome.stdout);
}

function readTypes(stdout: string): ScriptFacts["listed"] {
  const text = stdout.trim();
  const lines = text.startsWith("[") ? parseArray(text) : text.split("\n").map((line) => line.trim());
  const types = lines.filter((line) => line !== "");
  const odd = types.find((type) => /\s/.test(type));
  // A usage text is no list, and would otherwise count as one that covers nothing.
  if (odd !== undefined) return { why: `its list of types holds ${JSON.stringify(odd.slice(0, 60))}` };
  return { types: [...new Set(types)] };
}

function parseArray(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  } catch {
    // Not JSON: the words below say what it is not.
  }
  return ["not a JSON array of names"];
}

function evidenceOf({ listed, dryRun }: ScriptFacts, script: Script, { clock }: Gathering): Evidence[] {
  const at = new Date(clock.now()).toISOString();
  const source = script.run.map(publicWord).join(" ");
  const says = "types" in listed ? `says it covers ${listed.types.join(", ") || "nothing"}` : `no list: ${listed.why}`;
  const runs = dryRun.state === "seen" ? dryRun.runs : [];
  return [
    // What a script lists is its word, whoever it was that asked.
    { level: "declared", source, fact: says, at },
    ...runs.map((fact): Evidence => ({ level: "probed", source, fact, at })),
    ...(dryRun.state === "failed" ? [{ level: "probed" as const, source, fact: `dry run: ${dryRun.why}`, at }] : []),
  ];
}
