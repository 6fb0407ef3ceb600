import type { Facts } from "../evidence/facts.ts";
import { type Gathering, Interrupted } from "../evidence/gathering.ts";
import { collectSuite, expiredWaivers } from "./collect.ts";
import { type FailOn, exitStatus } from "./exit.ts";
import { failed } from "./fact.ts";
import { gatherFacts, ORDER_OF_WORK, type Step, stepsFor } from "./gather.ts";
import { judgeCheck } from "./judge.ts";
import { policyFrom } from "./policy.ts";
import type { ExitCode, Report } from "./report.ts";
import type { SelectedSuite } from "./select.ts";
import { worstStatus } from "./status.ts";
import { standingWaivers } from "./waivers.ts";

/** What an audit is asked to do. */
export interface AuditOrder {
  gathering: Gathering;
  suites: readonly SelectedSuite[];
  failOn: FailOn;
  version: string;
  /**
   * Called before anything is gathered: puts back, or only names, what an earlier run left pulled. Gives the reason why
   * this run may not act after all, or null.
   */
  leftovers?: (gathering: Gathering) => Promise<string | null>;
  steps?: readonly Step[];
  /** Told what a gatherer threw that it should not have. */
  unexpected?: (error: unknown) => void;
}

/** How an audit ended; what is not back stands in `gathering.notBack`. The report is null where it was interrupted. */
export interface AuditOutcome {
  report: Report | null;
  exitCode: ExitCode;
}

/** The audit: gather → judge → report. Throws nothing but what `leftovers` throws beside Interrupted. */
export async function runAudit(order: AuditOrder): Promise<AuditOutcome> {
  const { gathering, failOn } = order;
  try {
    const report = await gatherAndJudge(order);
    return { report, exitCode: report.exitCode };
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    const notBack = gathering.notBack.length;
    return {
      report: null,
      exitCode: exitStatus({ report: null, notBack, couldNotRun: false, interrupted: true, failOn }),
    };
  }
}

async function gatherAndJudge(order: AuditOrder): Promise<Report> {
  const { gathering, suites, failOn, version } = order;
  const { project, clock } = gathering;
  const startedAt = clock.now();
  const began = clock.monotonic();
  const blocked = (await order.leftovers?.(gathering)) ?? null;
  if (blocked !== null && gathering.mayAct === true) gathering.mayAct = { why: blocked };
  const checks = suites.flatMap((selected) => selected.checks);
  const steps = stepsFor(checks, project, order.steps ?? ORDER_OF_WORK);
  const durations = await gatherFacts(gathering, steps, order.unexpected);
  if (blocked !== null) failBlocked(gathering.facts, blocked);

  const now = clock.now();
  const context = { policy: policyFrom(project.config.policy, project.config.drills), now };
  const waivers = standingWaivers(project.config.waivers, now);
  const collecting = { project, waivers, durations };
  const rows = suites.map((selected) => {
    const judged = selected.checks.map((check) =>
      judgeCheck(check, gathering.facts, context, (text) => project.secrets.redact(text)),
    );
    return collectSuite(selected, judged, collecting);
  });
  return {
    schema: "clawproof/report@1",
    tool: { name: "clawproof", version },
    config: { file: project.shownFile, sha256: project.sha256 },
    agent: project.config.agent.name,
    environment: project.environment,
    by: gathering.activator,
    startedAt: new Date(startedAt).toISOString(),
    durationMs: Math.round(clock.monotonic() - began),
    status: worstStatus(rows.map(({ status }) => status)),
    exitCode: exitStatus({
      report: { suites: rows },
      notBack: gathering.notBack.length,
      couldNotRun: false,
      interrupted: false,
      failOn,
    }),
    expiredWaivers: expiredWaivers(project, waivers),
    suites: rows,
  };
}

/**
 * Somebody consented to these rehearsals and wanted them now: what stood in the way makes them unknown, where a missing
 * consent only makes them absent.
 */
function failBlocked(facts: Facts, blocked: string): void {
  const { rehearsal, breakerRehearsal } = facts;
  if (rehearsal?.state === "absent" && rehearsal.why === blocked) facts.rehearsal = failed(blocked, rehearsal.location);
  if (breakerRehearsal?.state === "absent" && breakerRehearsal.why === blocked) {
    facts.breakerRehearsal = failed(blocked, breakerRehearsal.location);
  }
}
