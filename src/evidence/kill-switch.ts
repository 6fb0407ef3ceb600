import { absent, type Evidence, found, withheld } from "../audit/fact.ts";
import type { OwnSwitch } from "../config/own-switch.ts";
import type { ForeignSwitch } from "../config/schema.ts";
import { contextOf } from "../doors/context.ts";
import { CallFailed } from "../doors/door.ts";
import { deployOf, originsOf, sharedCredentials, sharedHosts, withoutSecretCommands } from "./independence.ts";
import type { KillSwitchFacts } from "./facts.ts";
import type { Gather, Gathering } from "./gathering.ts";
import { orderNumberIn } from "./own-answers.ts";

/** The switch as it is configured and as it answers; nothing is pulled. */
export const gatherKillSwitch: Gather<"killSwitch"> = async (gathering) => {
  const { project, mode } = gathering;
  const { killSwitch } = project.config;
  if (!killSwitch) return absent("killSwitch is not configured", project.where([]));
  const place = project.where(["killSwitch"]);
  const offline = mode === "offline";
  const known = offline ? withoutSecretCommands(project) : project;
  const origins = await originsOf(known);
  const commonOrigins = [...origins.agent].filter((origin) => origins.killSwitch.has(origin));
  const { shared, unlisted } = await sharedCredentials(known);
  const deploy = await deployOf(killSwitch.activate, known);
  const evident = commonOrigins.length > 0 || shared.length > 0 || deploy !== null;
  if (offline && !evident) return withheld("--offline opens no connection", place);
  const asked: Asked = offline
    ? { status: { answered: null, why: "--offline", source: "killSwitch.status" }, newest: null }
    : await askStatus(killSwitch, gathering);
  const facts: KillSwitchFacts = {
    ...asked,
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

type Asked = Pick<KillSwitchFacts, "status" | "newest">;

/** The scope that status is asked about: that of the rehearsal, else the agent's own. Asking creates nothing. */
async function askStatus(killSwitch: ForeignSwitch | OwnSwitch, { project, signal }: Gathering): Promise<Asked> {
  const { send, describeCall } = await import("../doors/send.ts");
  const { matches } = await import("../doors/expectation.ts");
  const { answerJson, readThrough } = await import("../doors/reading.ts");
  const scope = killSwitch.rehearse?.scope ?? project.config.agent.name;
  const call = killSwitch.rehearse?.status ?? killSwitch.status;
  const context = contextOf(project, { scope: scope === "whole" ? "*" : scope }, { signal });
  const source = await describeCall(call, context);
  const unanswered = (why: string, answered: false | null = false): Asked => {
    return { status: { answered, why, source }, newest: null };
  };
  try {
    const answer = await send(call, context);
    const match = matches(answer, call.expect);
    if (!match.met) return unanswered(match.why);
    const json = answerJson(answer);
    if ("why" in json) return unanswered(json.why);
    const says = readThrough(json.value, call.stopped);
    if (says === undefined) return unanswered(`nothing stands at ${JSON.stringify(call.stopped)} in its answer`);
    const newest = "provider" in killSwitch ? orderNumberIn(json.value) : null;
    return { status: { answered: true, stopped: typeof says === "boolean" ? says : null, source }, newest };
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    return unanswered(error.why, error.kind === "missing-secret" ? null : false);
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
    const { newest } = facts;
    const number = newest === null ? "" : ` (epoch ${newest.epoch} of series ${newest.series})`;
    const data = newest === null ? {} : { data: { ...newest } };
    evidence.push({
      level: "probed",
      source: status.source,
      fact: `the switch answered: ${says}${number}`,
      at,
      ...data,
    });
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
