import type { Plan } from "../audit/plan.ts";
import { type Acting, actingFor, type MayAct } from "../audit/plan-acts.ts";
import { callText, placeText } from "../audit/plan-words.ts";
import type { Project } from "../config/project.ts";
import { drillWritesOf } from "./writes.ts";

/** What a drill would act on, without doing any of it. Pure: opens nothing, looks no secret up. */
export function planDrill(project: Project, mayAct: MayAct): Plan {
  const rehearsed = actingFor(project, ["rehearsal", "breakerRehearsal"], mayAct);
  const writes = writesOf(project);
  const own = "target" in writes ? { acts: [writes], nots: [] } : { acts: [], nots: [writes] };
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
