import type { Filter, Reading } from "../ledger/ledger.ts";
import type { Entry } from "../ledger/record.ts";
import type { Handlers } from "./handlers.ts";
import { Looking } from "./looking.ts";
import { Planner } from "./plan.ts";
import type { Sessions } from "./sessions.ts";
import type { Step } from "./step.ts";

/** So many actions are looked at together. */
const PAGE = 200;

export interface Plan {
  /** Newest first. */
  steps: readonly Step[];
  hash: string;
}

export interface PlanOptions {
  reading: Pick<Reading, "entries">;
  handlers: Handlers;
  sessions: Sessions;
  filter: Filter;
  limit?: number | undefined;
  forced?: readonly string[];
  /** Epoch milliseconds. */
  now: number;
  progress?: ((looked: number) => void) | undefined;
}

/** Plans what to do about the actions that a filter finds, page by page: what they read and wrote is not kept. */
export async function makePlan(options: PlanOptions): Promise<Plan> {
  const { reading, handlers, sessions, filter, limit, forced = [], now, progress } = options;
  const planner = new Planner({ now, forced: new Set(forced) });
  const looking = new Looking(handlers, sessions);
  const steps: Step[] = [];
  let page: Entry[] = [];
  const take = async (): Promise<void> => {
    for (const input of await looking.inputs(page)) steps.push(planner.add(input));
    progress?.(steps.length);
    page = [];
  };
  for await (const entry of reading.entries({ ...filter, effect: "write" }, { limit })) {
    page.push(entry);
    if (page.length >= PAGE) await take();
  }
  if (page.length > 0) await take();
  return { steps, hash: planner.hash };
}
