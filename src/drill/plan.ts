import type { Plan } from "../audit/plan.ts";
import { type Acting, actingFor, type MayAct } from "../audit/plan-acts.ts";
import { callText, placeText } from "../audit/plan-words.ts";
import type { Project } from "../config/project.ts";
import type { FaultName } from "./faults/names.ts";
import { drillWritesOf } from "./writes.ts";

/** What a drill would act on, without doing any of it. Pure: opens nothing, looks no secret up. */
export function planDrill(project: Project, mayAct: MayAct, faults: readonly FaultName[] = []): Plan {
  const rehearsed = actingFor(project, ["rehearsal", "breakerRehearsal"], mayAct);
  const writes = writesOf(project);
  const made = [writes, ...faults.map((fault) => faultOf(project, fault))];
  const own = {
    acts: made.filter(isActing),
    nots: made.filter((one) => !isActing(one)),
  };
  const isAllowed = mayAct === true;
  return {
    reads: [...rehearsed.acts.flatMap((act) => act.reads ?? []), ...stateReads(project)],
    acts: [...rehearsed.acts, ...(isAllowed ? own.acts : [])],
    nots: [
      ...rehearsed.nots,
      ...own.nots,
      ...(isAllowed ? [] : own.acts.map(({ text, location }) => ({ text: `${text}: ${mayAct.why}`, location }))),
    ],
    secrets: [],
  };
}

function writesOf(project: Project): Acting | Plan["nots"][number] {
  const { config, environment } = project;
  const location = project.where(["agent", "probes", "writes"]);
  const writes = drillWritesOf(project);
  if (writes.length === 0) return { text: "write and undo: no agent.probes.writes consents to it", location };
  const undo = undoText(project);
  if (undo === null) {
    const text = "write and undo: neither rollback.ledger nor rollback.script.trace says how writes are taken back";
    return { text, location };
  }
  const base = config.agent.url;
  const types = writes.map(({ type }) => type).join(", ");
  const places = [...new Set(writes.map(({ call }) => placeText(call, environment, base)))];
  return {
    target: `a write of each of ${types} at ${places.join(", ")}`,
    text: `write one of each of ${types}, and take it back`,
    details: [
      ...writes.map(({ type, call }) => `${type}: ${callText(call, base)}`),
      `put back: ${undo}`,
      "may page: nobody",
    ],
    location,
  };
}

function faultOf(project: Project, fault: FaultName): Acting | Plan["nots"][number] {
  const part = fault.startsWith("agent-") ? "agent" : "switch";
  const location = project.where(["drills", "faults", part]);
  const consent = project.config.drills?.faults?.[part];
  if (!consent) return { text: `${fault}: no drills.faults.${part} consents to it`, location };
  const how = "pidFile" in consent ? `the process in ${consent.pidFile}` : "the commands of drills.faults";
  return {
    target: `${fault} (${how})`,
    text: `${fault}: through ${how}, with an order on the drill scope meanwhile`,
    details: ["put back: by the drill, or by its guardian where the drill dies or takes too long"],
    location,
  };
}

const isActing = (one: Acting | Plan["nots"][number]): one is Acting => "target" in one;

function undoText({ config }: Project): string | null {
  const { ledger, script } = config.rollback ?? {};
  if (ledger !== undefined) return "clawproof rollback, for the drill's own trace";
  return script?.trace === undefined ? null : `run ${[...script.run, ...script.trace].join(" ")}`;
}

function stateReads(project: Project): Plan["reads"] {
  return drillWritesOf(project).flatMap(({ type, state }) =>
    state === null
      ? []
      : [
          {
            text: `the state of ${type}: ${callText(state, project.config.agent.url)}`,
            location: project.where(["agent", "probes", "writes", type, "state"]),
          },
        ],
  );
}
