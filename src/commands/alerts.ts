import type { ExitCode } from "../audit/report.ts";
import { testNews } from "../alerts/news.ts";
import { routeTestLine, testRoutes, type RouteTest } from "../alerts/test-routes.ts";
import type { Project } from "../config/project.ts";
import { contextOf } from "../doors/context.ts";
import { Interrupted } from "../evidence/gathering.ts";
import { askJson } from "../operator/own.ts";
import { SwitchProblem } from "../operator/problem.ts";
import { chooseTarget, configuredProject, type OwnTarget } from "../operator/target.ts";
import { printable } from "../report/printable.ts";
import { activatorOf } from "./activator.ts";
import type { Surroundings } from "./surroundings.ts";
import { formatOf, type SwitchFlags } from "./switch-flags.ts";
import { jsonLine, onSwitch } from "./switch-run.ts";

/** The options of `clawproof alerts test` as they stand on the command line. */
export type AlertsTestFlags = Omit<SwitchFlags, "by">;

/** Longer than the service gives each of its routes, all of which it tries at the same time. */
const ANSWER_WITHIN_MS = 15_000;

const PROVED = "Only what is printed here was proved: look whether the test has arrived.";

/**
 * `clawproof alerts test`: sends a test along every route, by the switch where that is ours, else from here; a line for
 * each. 0 all were taken, 1 some failed, 2 there is nothing to test, 3 no switch answered. Throws UsageError,
 * InvalidConfig, Interrupted.
 */
export async function alertsTest(flags: AlertsTestFlags, surroundings: Surroundings): Promise<ExitCode> {
  const format = formatOf(flags);
  return onSwitch(format, surroundings, async () => {
    const tested = await testAll(flags, surroundings).finally(() => {
      // What was cut short neither failed nor arrived.
      if (surroundings.signal.aborted) throw new Interrupted("interrupted");
    });
    const exitCode = tested.some(({ outcome }) => outcome === "failed") ? 1 : 0;
    if (format === "json") surroundings.stdout.write(jsonLine({ outcomes: tested, exitCode }));
    else
      surroundings.stdout.write([...tested.map(routeTestLine), PROVED].map((line) => `${printable(line)}\n`).join(""));
    return exitCode;
  });
}

async function testAll(flags: AlertsTestFlags, surroundings: Surroundings): Promise<RouteTest[]> {
  const isNamed = flags.switch !== undefined || (surroundings.env["CLAWPROOF_SWITCH_URL"] ?? "") !== "";
  const project = isNamed ? null : await configuredProject(flags, surroundings);
  const killSwitch = project?.config.killSwitch;
  if (isNamed || (killSwitch !== undefined && "provider" in killSwitch)) {
    const target = await chooseTarget(flags, surroundings);
    if (target.kind === "own") return testOfSwitch(target, surroundings);
  }
  return testFromHere(project, surroundings);
}

async function testOfSwitch(target: OwnTarget, { signal }: Surroundings): Promise<RouteTest[]> {
  const request = { method: "POST", path: "/v1/alerts/test", json: {}, timeoutMs: ANSWER_WITHIN_MS, signal } as const;
  const { body } = await askJson<{ outcomes: RouteTest[] }>(target, request, "outcomes");
  if (body.outcomes.length > 0) return body.outcomes;
  throw new SwitchProblem(
    "refused",
    `the switch at ${target.url} has no alerts: name routes under \`switch.alerts\` in its switch.yaml, and restart it`,
  );
}

async function testFromHere(project: Project | null, { env, clock, signal }: Surroundings): Promise<RouteTest[]> {
  if (project === null) {
    throw new SwitchProblem(
      "refused",
      "nothing to test: name the switch with --switch URL and CLAWPROOF_TOKEN, or write alerting.routes into clawproof.yaml",
    );
  }
  const { agent, alerting } = project.config;
  const routes = alerting?.routes ?? [];
  if (routes.length === 0) {
    throw new SwitchProblem(
      "refused",
      `nothing to test: ${project.shownFile} has no alerting.routes, and no switch of clawproof that could have alerts`,
    );
  }
  const at = new Date(clock.now()).toISOString();
  const news = testNews({ switchName: agent.name, scope: agent.name, by: activatorOf(undefined, env), at });
  return testRoutes(routes, contextOf(project, {}, { signal }), news, clock);
}
