import { absent, type Evidence, failed, found, withheld } from "../audit/fact.ts";
import type { ForeignSwitch } from "../config/schema.ts";
import { contextOf } from "../doors/context.ts";
import { CallFailed } from "../doors/door.ts";
import { deployOf, originsOf, sharedCredentials, sharedHosts, withoutSecretCommands } from "./independence.ts";
import type { KillSwitchFacts } from "./facts.ts";
import type { Gather, Gathering } from "./gathering.ts";

/** The switch as it is configured and as it answers; nothing is pulled. */
export const gatherKillSwitch: Gather<"killSwitch"> = async (gathering) => {
  const { project, mode } = gathering;
  const { killSwitch } = project.config;
  if (!killSwitch) return absent("killSwitch is not configured", project.where([]));
  const place = project.where(["killSwitch"]);
  if ("provider" in killSwitch) return failed("provider: clawproof comes with the kill switch service", place);
  const offline = mode === "offline";
  const known = offline ? withoutSecretCommands(project) : project;
  const origins = await originsOf(known);
  const commonOrigins = [...origins.agent].filter((origin) => origins.killSwitch.has(origin));
  const { shared, unlisted } = await sharedCredentials(known);
  const deploy = await deployOf(killSwitch.activate, known);
  const evident = commonOrigins.length > 0 || shared.length > 0 || deploy !== null;
  if (offline && !evident) return withheld("--offline opens no connection", place);
  const facts: KillSwitchFacts = {
    status: offline
      ? { answered: null, why: "--offline", source: "killSwitch.status" }
      : await askStatus(killSwitch, gathering),
    commonOrigins,
    sharedCredentials: shared,
    credentialsUnlisted: unlisted,
    deployTool: deploy,
    hosts: offline ? { common: [], unresolved: "--offline" } : await sharedHosts(origins.agent, origins.killSwitch),
    bench: project.config.bench === true,
    hostsKnown: origins.agent.size > 0 && origins.killSwitch.size > 0,
    kind: killSwitch.kind ?? (killSwitch.restart ? "terminate" : null),
  };
  return found(facts, evidenceOf(facts, gathering), place);
};

/** The scope that status is asked about: that of the rehearsal, else the agent's own. Asking creates nothing. */
async function askStatus(
  killSwitch: ForeignSwitch,
  { project, signal }: Gathering,
): Promise<KillSwitchFacts["status"]> {
  const { send, describeCall } = await import("../doors/send.ts");
  const { matches } = await import("../doors/expectation.ts");
  const { answerJson, readThrough } = await import("../doors/reading.ts");
  const scope = killSwitch.rehearse?.scope ?? project.config.agent.name;
  const call = killSwitch.rehearse?.status ?? killSwitch.status;
  const context = contextOf(project, { scope: scope === "whole" ? "*" : scope }, { signal });
  const source = await describeCall(call, context);
  try {
    const answer = await send(call, context);
    const match = matches(answer, call.expect);
    if (!match.met) return { answered: false, why: match.why, source };
    const json = answerJson(answer);
    if ("why" in json) return { answered: false, why: json.why, source };
    const says = readThrough(json.value, call.stopped);
    if (says === undefined)
      return { answered: false, why: `nothing stands at ${JSON.stringify(call.stopped)} in its answer`, source };
    return { answered: true, stopped: typeof says === "boolean" ? says : null, source };
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    return { answered: error.kind === "missing-secret" ? null : false, why: error.why, source };
  }
}

function evidenceOf(facts: KillSwitchFacts, { project, clock }: Gathering): Evidence[] {
  const at = new Date(clock.now()).toISOString();
  const { status } = facts;
  const place = project.where(["killSwitch"]);
  const evidence: Evidence[] = [];
  if (status.answered === true) {
    const says =
      status.stopped === null ? "something that is neither true nor false" : status.stopped ? "stopped" : "running";
    evidence.push({ level: "probed", source: status.source, fact: `the switch answered: ${says}`, at });
  } else {
    evidence.push({ level: "probed", source: status.source, fact: `no status: ${status.why}`, at });
  }
  const { common, unresolved } = facts.hosts;
  const hosts = unresolved ?? (common.length > 0 ? `both resolve to ${common.join(", ")}` : "no address in common");
  evidence.push({ level: "probed", source: "name look-up", fact: hosts, at });
  if (facts.bench) {
    const bench = project.where(["bench"]);
    evidence.push({
      level: "declared",
      source: `${bench.file}:${bench.line}`,
      fact: "bench: all on one machine on purpose",
      at,
    });
  }
  const activation =
    facts.deployTool === null ? "activation is a call, not a deploy" : `activation runs ${facts.deployTool}`;
  evidence.push({ level: "inspected", source: `${place.file}:${place.line}`, fact: activation, at });
  return evidence;
}
