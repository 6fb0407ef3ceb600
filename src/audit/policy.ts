import type { ConfigPath } from "../config/project.ts";
import type { Config } from "../config/schema.ts";
import { formatDuration } from "../values/duration.ts";
import type { Policy } from "./check.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

/** The contract's own figures: the loosest that anything may pass with. */
export const DEFAULT_POLICY: Readonly<Policy> = {
  stopWithinMs: 30_000,
  errorRatePct: 15,
  anomalyRatePct: 15,
  windowMs: 5 * MINUTE,
  canaryPercent: 5,
  drillEveryMs: 35 * DAY,
  undoWithinMs: 5 * MINUTE,
};

/** A limit that clawproof.yaml sets, and the figure of ours that it may tighten. */
interface Limit {
  path: ConfigPath;
  figure: keyof Policy;
  value: number;
}

/** A limit of clawproof.yaml that cannot stand; the loader knows its line. */
export interface PolicyProblem {
  path: ConfigPath;
  message: string;
}

type Limits = Pick<Config, "policy" | "drills">;

/** The limits in force. A looser value changes nothing here: `policyProblems` has named it before anything runs. */
export function policyFrom(policy: Config["policy"], drills: Config["drills"]): Policy {
  const inForce: Policy = { ...DEFAULT_POLICY };
  for (const { figure, value } of limitsOf({ policy, drills })) {
    if (value < inForce[figure]) inForce[figure] = value;
  }
  return inForce;
}

/** What `policy:` and `drills:` ask for and may not have: looser than ours, or a time of nothing. */
export function policyProblems(config: Limits): PolicyProblem[] {
  return limitsOf(config).flatMap(({ path, figure, value }) => {
    const loosest = DEFAULT_POLICY[figure];
    const isTime = figure.endsWith("Ms");
    if (isTime && !(value > 0)) return [{ path, message: `expected a duration above 0s, at most ${shown(figure)}` }];
    if (value <= loosest) return [];
    return [{ path, message: `this can be tightened, never loosened: expected at most ${shown(figure)}` }];
  });
}

function limitsOf({ policy, drills }: Limits): Limit[] {
  const limits: [ConfigPath, keyof Policy, number | undefined][] = [
    [["policy", "stopWithin"], "stopWithinMs", policy?.stopWithin],
    [["policy", "errorRatePct"], "errorRatePct", policy?.errorRatePct],
    [["policy", "anomalyRatePct"], "anomalyRatePct", policy?.anomalyRatePct],
    [["policy", "window"], "windowMs", policy?.window],
    [["policy", "canaryPercent"], "canaryPercent", policy?.canaryPercent],
    [["policy", "drillEvery"], "drillEveryMs", policy?.drillEvery],
    [["drills", "every"], "drillEveryMs", drills?.every],
    [["drills", "undoWithin"], "undoWithinMs", drills?.undoWithin],
  ];
  return limits.flatMap(([path, figure, value]) => (value === undefined ? [] : [{ path, figure, value }]));
}

function shown(figure: keyof Policy): string {
  const loosest = DEFAULT_POLICY[figure];
  return figure.endsWith("Ms") ? formatDuration(loosest) : String(loosest);
}
