import type { Project } from "../config/project.ts";
import type { FactName, FactValues } from "../evidence/facts.ts";
import { type Gather, type Gathering, Interrupted } from "../evidence/gathering.ts";
import type { Check } from "./check.ts";
import { type Fact, failed } from "./fact.ts";
import { messageOf } from "./judge.ts";

/** One fact and who brings it home. */
export interface Step {
  fact: FactName;
  /** Facts that its gatherer reads and that are therefore gathered before it, whoever asked for it. */
  uses(project: Project): readonly FactName[];
  /** Gathers into `gathering.facts`. */
  gather(gathering: Gathering): Promise<void>;
}

const gatherers = () => import("./gatherers.ts");

/** A step whose gatherer is loaded on use: a plan, a version or a wrong argument needs none of them. */
export function step<Name extends FactName>(
  fact: Name,
  load: () => Promise<Gather<Name>>,
  uses: (project: Project) => readonly FactName[] = () => [],
): Step {
  return {
    fact,
    uses,
    async gather(gathering) {
      const gather = await load();
      keep(gathering, fact, await gather(gathering));
    },
  };
}

function keep(gathering: Gathering, fact: FactName, value: Fact<unknown>): void {
  // The union of ten kinds of fact is too much for the compiler; `step` ties each name to its own kind.
  const facts: { [Name in FactName]?: Fact<unknown> } = gathering.facts;
  facts[fact] = value;
}

/** What the script's dry run, where somebody consented to one, or the ledger's plan is for. It never needs the switch pulled for it. */
const scriptUses = ({ config: { rollback } }: Project): readonly FactName[] =>
  rollback?.script?.rehearse || (!rollback?.script && rollback?.ledger !== undefined) ? ["actions", "records"] : [];

/** Every fact in the order of work (contract, section 2): files; databases; rehearsals, one at a time; last the script. */
export const ORDER_OF_WORK: readonly Step[] = [
  step("actions", async () => (await gatherers()).gatherActions),
  step("breaker", async () => (await gatherers()).gatherBreaker),
  step("canary", async () => (await gatherers()).gatherCanary),
  step("fallback", async () => (await gatherers()).gatherFallback),
  step("killSwitch", async () => (await gatherers()).gatherKillSwitch),
  step("drills", async () => (await gatherers()).gatherDrills),
  step("records", async () => (await gatherers()).gatherRecords),
  step("rehearsal", async () => (await gatherers()).gatherRehearsal),
  step("breakerRehearsal", async () => (await gatherers()).gatherBreakerRehearsal),
  step("script", async () => (await gatherers()).gatherScript, scriptUses),
];

/** The facts that these checks need, and what their gatherers use, as steps in the order of work. */
export function stepsFor(checks: readonly Check[], project: Project, steps: readonly Step[] = ORDER_OF_WORK): Step[] {
  const needed = new Set(checks.flatMap((check) => Object.keys(check.needs) as FactName[]));
  // Backwards, so that what a late step uses is in before the early ones are asked.
  for (const late of [...steps].reverse()) {
    if (needed.has(late.fact)) for (const used of late.uses(project)) needed.add(used);
  }
  return steps.filter(({ fact }) => needed.has(fact));
}

/** Milliseconds that each fact took. */
export type Durations = { [Name in keyof FactValues]?: number };

/**
 * Gathers each fact once, one after the other. A gatherer that throws costs its fact (`unexpected` is told, for
 * debugging). Throws Interrupted alone.
 */
export async function gatherFacts(
  gathering: Gathering,
  steps: readonly Step[],
  unexpected: (error: unknown) => void = () => undefined,
): Promise<Durations> {
  const durations: Durations = {};
  for (const current of steps) {
    const { fact } = current;
    stopIfInterrupted(gathering);
    const began = gathering.clock.monotonic();
    try {
      await current.gather(gathering);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      // An aborted door throws in its own words; what was interrupted is no finding.
      stopIfInterrupted(gathering);
      unexpected(error);
      keep(gathering, fact, failed(gathering.project.secrets.redact(messageOf(error))));
    } finally {
      gathering.progress.clear();
    }
    durations[fact] = gathering.clock.monotonic() - began;
  }
  return durations;
}

function stopIfInterrupted({ signal }: Gathering): void {
  if (signal.aborted) throw new Interrupted("interrupted");
}
