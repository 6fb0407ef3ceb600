import type { CanaryStep, Experiment } from "./argo-steps.ts";
import { percentText } from "./reading.ts";
import type { Gate } from "./reading.ts";

/** What share of users a weight comes to, in percent, with an experiment running beside it where one is given. */
export type ShareOf = (weight: number, experiment?: Experiment) => number;

export interface Walk {
  declaredPct: number;
  /** The weight that `declaredPct` stands for, and the experiment where it is one's. */
  declared: { weight: number; experiment: Experiment | undefined };
  beforeFirstGatePct: number;
  gate: Gate;
  notes: string[];
}

/**
 * Follows the steps of a canary up to the first one that holds it while users get the new version. A gate before anybody
 * gets it holds nothing worth holding: after `pause, setWeight: 100` everybody has it and nobody looked. Steps begin at
 * weight 0 and end at 100% (argo-rollouts utils/replicaset/canary.go, GetCurrentSetWeight).
 */
export function walkSteps(steps: readonly CanaryStep[], maxWeight: number, share: ShareOf): Walk {
  const declared = firstShare(steps, maxWeight);
  const declaredPct = Math.min((100 * (declared.weight + (declared.experiment?.canaryWeight ?? 0))) / maxWeight, 100);
  const held = firstHold(steps, share);
  const notes = held.idle.map((step) => `${step.path} waits while nobody gets the new version: not counted as a gate`);
  if (held.gate === "none") notes.push("no gate while users get the new version: it reaches 100% by itself");
  else {
    const first = share(declared.weight, declared.experiment);
    if (held.pct > first)
      notes.push(`nothing holds ${percentText(first)}: it goes on to ${percentText(held.pct)} by itself`);
    notes.push(`held at ${percentText(held.pct)} by ${held.gateText}`);
  }
  return { declaredPct, declared, beforeFirstGatePct: held.pct, gate: held.gate, notes };
}

/** The first weight above 0 that the steps name, an experiment's included; all where they name none. */
function firstShare(steps: readonly CanaryStep[], maxWeight: number): Walk["declared"] {
  for (const { setWeight = 0, experiment } of steps) {
    if (setWeight > 0) return { weight: setWeight, experiment: undefined };
    if (experiment !== undefined && experiment.canaryWeight > 0) return { weight: 0, experiment };
  }
  return { weight: maxWeight, experiment: undefined };
}

interface Hold {
  pct: number;
  gate: Gate;
  gateText: string;
  /** Steps that waited before any user got the new version. */
  idle: CanaryStep[];
}

function firstHold(steps: readonly CanaryStep[], share: ShareOf): Hold {
  let weight = 0;
  let pct = 0;
  const idle: CanaryStep[] = [];
  for (const step of steps) {
    weight = step.setWeight ?? weight;
    pct = Math.max(pct, share(weight, step.experiment));
    if (step.gate === "none") continue;
    if (pct > 0) return { pct, gate: step.gate, gateText: step.gateText, idle };
    idle.push(step);
  }
  return { pct: 100, gate: "none", gateText: "", idle };
}
