import type { ConfigPath, Project } from "../config/project.ts";
import { publicUrl } from "../config/redaction.ts";
import type { StateCall } from "../config/schema.ts";
import type { PlanLine } from "./plan.ts";
import { callText } from "./plan-words.ts";

/** What planning a rollback on our own ledger opens, asks and imports (contract, 05.6); nothing of it acts. */
export function ledgerReads(project: Project): PlanLine[] {
  const { ledger, guard, undo = {} } = project.config.rollback ?? {};
  if (ledger === undefined) return [];
  const line = (text: string, ...path: ConfigPath): PlanLine => ({
    text,
    location: project.where(["rollback", ...path]),
  });
  const handlers = Object.entries(undo).flatMap(([type, one]): PlanLine[] => {
    const lines: PlanLine[] = [];
    if ("sql" in one) {
      lines.push(line(`rows of ${type}: ${publicUrl(one.sql.database)}, table ${one.sql.table}`, "undo", type));
    }
    if ("module" in one) lines.push(line(`undo of ${type}: ${imported(one.module)}`, "undo", type));
    if ("state" in one && one.state)
      lines.push(line(`state of ${type}: ${stateText(project, one.state)}`, "undo", type));
    return lines;
  });
  return [
    line(`plan for the newest write of each type: ${publicUrl(ledger)}, and what its own handlers look at`, "ledger"),
    ...(guard === undefined ? [] : [line(`undo functions of the guard: ${imported(guard)}`, "guard")]),
    ...handlers,
  ];
}

const imported = (module: string): string => `run ${module} (imported in a process of its own)`;

function stateText({ config }: Project, state: StateCall): string {
  return "module" in state ? imported(state.module) : callText(state, config.agent.url);
}

/** Sections that a plan on our own ledger refers to secrets in: what an undo would send is not among them. */
export function ledgerSections({ config }: Project): ConfigPath[] {
  const looks = Object.keys(config.rollback?.undo ?? {}).flatMap((type): ConfigPath[] => [
    ["rollback", "undo", type, "sql"],
    ["rollback", "undo", type, "state"],
  ]);
  return [["rollback", "ledger"], ...looks];
}
