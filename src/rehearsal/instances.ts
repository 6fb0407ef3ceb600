import type { Gathering } from "../evidence/gathering.ts";
import { contextOf } from "../doors/context.ts";
import { readSourceValue, SourceFailed } from "../doors/source.ts";

/**
 * How many instances must be seen: a number, or the length of a list, or a number that a source gives; null where nobody
 * says, or nothing says who answered. `why` where the source does not tell.
 */
export async function expectedInstances({ project, signal }: Gathering): Promise<number | null | { why: string }> {
  const { instances, probes } = project.config.agent;
  if (instances === undefined || !probes?.instance) return null;
  if (typeof instances === "number") return instances;
  try {
    const { value, shown } = await readSourceValue(instances, contextOf(project, {}, { signal }));
    const count = Array.isArray(value) ? value.length : Number(value);
    if (Number.isInteger(count) && count > 0) return count;
    return { why: `agent.instances: ${shown} gives neither a list nor a number of instances` };
  } catch (error) {
    if (error instanceof SourceFailed) return { why: `agent.instances: ${error.why}` };
    throw error;
  }
}
