import { absent, failed, type Missing, withheld } from "../audit/fact.ts";
import type { Call } from "../config/call.ts";
import type { Project } from "../config/project.ts";
import type { OwnSwitch } from "../config/own-switch.ts";
import type { ForeignSwitch, Probes } from "../config/schema.ts";
import { placeholdersIn, type PlaceholderValues } from "../config/template.ts";
import { contextOf } from "../doors/context.ts";
import { whyUnready } from "../doors/ready.ts";
import type { Gathering } from "../evidence/gathering.ts";
import { logCallOf } from "../evidence/switch-log.ts";
import { breakerFilling } from "./breaker.ts";
import { LIMITS } from "./limits.ts";
import { newMark } from "./mark.ts";
import { fillingOf } from "./switch-order.ts";

/** Whether a rehearsal may begin at all: consent, and what it cannot do without (contract, 2.4 step 0 and 3.2). */

export interface KillSwitchPlan {
  killSwitch: ForeignSwitch | OwnSwitch;
  scope: string;
  samples: number;
  everyMs: number;
  probes: Probes & { write: Call };
}

export async function planKillSwitch(gathering: Gathering): Promise<KillSwitchPlan | Missing> {
  const { project } = gathering;
  const { killSwitch, agent } = project.config;
  if (gathering.mode === "offline") return withheld("--offline", project.where(["killSwitch"]));
  if (!killSwitch) return absent("killSwitch is not configured", project.where(["killSwitch"]));
  const place = project.where(["killSwitch", "rehearse"]);
  const { rehearse } = killSwitch;
  if (!rehearse) return absent(noConsent(project, "killSwitch.rehearse"), place);
  const why = forbidden(gathering) ?? (rehearse.exclusive ? null : nobodyCouldTell(project, rehearse.scope));
  if (why !== null) return absent(why, place);
  const { probes } = agent;
  const write = probes?.write;
  if (!write) return absent("probes.write is not configured", project.where(["agent", "probes"]));
  const release = rehearse.release ?? killSwitch.release;
  if (!release) return absent("killSwitch.release is not configured", place);
  // What is pulled must be put back: better to learn now that a token is missing, or that the call was never sendable.
  const { scope = `drill/${agent.name}`, samples, every = LIMITS.every } = rehearse;
  const filling = fillingOf({ project, scope, mark: newMark(), activator: gathering.activator }, "put back");
  const unready = await firstUnready(project, filling, {
    "killSwitch.release": release,
    "killSwitch.log": logCallOf(project),
    "killSwitch.restart": killSwitch.restart,
  });
  if (unready !== null) return failed(unready, place);
  return { killSwitch, scope, samples, everyMs: every, probes: { ...probes, write } };
}

export interface BreakerPlan {
  open: Call;
  close: Call;
  scope: string;
  probes: Probes & { write: Call; read: Call };
}

export async function planBreaker(gathering: Gathering): Promise<BreakerPlan | Missing> {
  const { project } = gathering;
  const { breaker, agent } = project.config;
  if (gathering.mode === "offline") return withheld("--offline", project.where(["breaker"]));
  if (!breaker) return absent("breaker is not configured", project.where(["breaker"]));
  const place = project.where(["breaker", "rehearse"]);
  const { rehearse } = breaker;
  if (!rehearse) return absent(noConsent(project, "breaker.rehearse"), place);
  const why = forbidden(gathering);
  if (why !== null) return absent(why, place);
  const { read, write } = agent.probes ?? {};
  if (!write) return absent("probes.write is not configured", project.where(["agent", "probes"]));
  if (!read) return absent("probes.read is not configured", project.where(["agent", "probes"]));
  const { open, close, scope = `drill/${agent.name}` } = rehearse;
  if (!placeholdersIn(open).includes("scope") && scope !== "whole") {
    return absent("breaker.rehearse.open has no ${scope}, and scope: whole is not set", place);
  }
  const filling = breakerFilling({ scope, mark: newMark(), activator: gathering.activator });
  const unready = await firstUnready(project, filling, { "breaker.rehearse.close": close });
  if (unready !== null) return failed(unready, place);
  return { open, close, scope, probes: { ...agent.probes, read, write } };
}

function forbidden({ mode, mayAct }: Gathering): string | null {
  if (mode === "read-only") return "--read-only acts on nothing";
  return mayAct === true ? null : mayAct.why;
}

/** Consent is never inherited: with --env it must stand in the environment's own block. */
function noConsent({ environment }: Project, key: string): string {
  return environment === null ? `${key} is not configured` : `${key} does not stand under environments.${environment}`;
}

/** Why nobody could tell whose order is newest: then none may be released. Null where the log tells. */
function nobodyCouldTell(project: Project, scope: string | undefined): string | null {
  const log = logCallOf(project);
  if (!log) return "the switch keeps no log, and rehearse.exclusive is not set";
  if (log.fields.reason === undefined) return "the switch's log gives no reason, and rehearse.exclusive is not set";
  // A switch without scopes has none to log: every entry is about the same thing.
  if (log.fields.scope !== undefined || scope === "whole") return null;
  return "the switch's log gives no scope, and rehearse.exclusive is not set";
}

/** Why one of these calls could not be made when it is needed; null where all could. */
async function firstUnready(
  project: Project,
  filling: PlaceholderValues,
  calls: Record<string, Call | null | undefined>,
): Promise<string | null> {
  for (const [key, call] of Object.entries(calls)) {
    const unready = call ? await whyUnready(call, contextOf(project, filling)) : null;
    if (unready !== null)
      return unready.kind === "missing-secret" ? unready.why : `${key} cannot be made: ${unready.why}`;
  }
  return null;
}
