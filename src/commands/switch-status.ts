import type { ExitCode } from "../audit/report.ts";
import { readFleet } from "../operator/fleet.ts";
import { SwitchProblem } from "../operator/problem.ts";
import { narrowerOrders, readState, type StateAnswer } from "../operator/state.ts";
import type { ForeignTarget, OwnTarget, Target } from "../operator/target.ts";
import { printable } from "../report/printable.ts";
import { type Mode, strictest } from "../switch/protocol/mode.ts";
import type { Order } from "../switch/protocol/order.ts";
import { narrowerLine, orderLine, scopeWords } from "./switch-words.ts";

/** What a switch says now about a scope; about everything that is not a drill's where `scope` is null. */
export interface Status {
  switch: string;
  scope: string | null;
  mode: Mode;
  series: string | null;
  epoch: number | null;
  /** The orders that hold the scope; null where the switch does not tell. */
  orders: readonly Order[] | null;
  /** The orders that hold parts of the scope alone; null where the switch does not tell. */
  narrower: readonly Order[] | null;
  /** Null where the switch does not tell. */
  instances: { known: number; obeyed: number } | null;
  /** 0 running, 1 stopped or read-only. */
  exitCode: ExitCode;
}

/** Whom to ask, and what was heard before. */
export interface Asking {
  target: Target;
  scope: string | null;
  etag: string | null;
  last: StateAnswer | null;
}

/** Asks the switch, and remembers what it said. Throws SwitchProblem. */
export async function askStatus(asking: Asking, signal: AbortSignal): Promise<Status> {
  const { target } = asking;
  return target.kind === "own" ? askOurs(asking, target, signal) : askForeign(asking.scope, target, signal);
}

async function askOurs(asking: Asking, target: OwnTarget, signal: AbortSignal): Promise<Status> {
  const { scope, etag, last } = asking;
  const heard = await readState(target, scope, { etag: last === null ? null : etag, signal });
  const state = heard?.state ?? last;
  if (state === null)
    throw new SwitchProblem("unanswered", "the switch said that nothing changed, and nothing was known");
  if (heard !== null) Object.assign(asking, { etag: heard.etag, last: state });
  const orders = scope === null ? state.orders : (state.covering ?? []);
  const real = orders.filter((order) => !order.scope.startsWith("drill/"));
  const mode = scope === null ? strictest(real.map((order) => order.mode)) : (state.mode ?? "running");
  return {
    switch: target.url,
    scope,
    mode,
    series: state.series,
    epoch: state.epoch,
    orders,
    narrower: scope === null ? [] : narrowerOrders(state.orders, scope),
    instances: await countInstances(target, scope, signal),
    exitCode: mode === "running" ? 0 : 1,
  };
}

async function countInstances(
  target: OwnTarget,
  scope: string | null,
  signal: AbortSignal,
): Promise<Status["instances"]> {
  try {
    const { instances } = await readFleet(target, scope, signal);
    return { known: instances.length, obeyed: instances.filter(({ state }) => state === "obeyed").length };
  } catch (error) {
    // An agent's token may read the state, and not the fleet.
    if (error instanceof SwitchProblem) return null;
    throw error;
  }
}

async function askForeign(scope: string | null, target: ForeignTarget, signal: AbortSignal): Promise<Status> {
  const [{ isForeignStopped }, { contextOf }, { describeCall }] = await Promise.all([
    import("../operator/foreign.ts"),
    import("../doors/context.ts"),
    import("../doors/describe.ts"),
  ]);
  const asked = scope ?? target.project.config.agent.name;
  const stopped = await isForeignStopped(target, asked, signal);
  return {
    switch: await describeCall(target.killSwitch.status, contextOf(target.project, { scope: asked })),
    scope: asked,
    mode: stopped ? "stopped" : "running",
    series: null,
    epoch: null,
    orders: null,
    narrower: null,
    instances: null,
    exitCode: stopped ? 1 : 0,
  };
}

/** The state in words, its first line first. */
export function statusLines({ switch: where, scope, mode, orders, narrower, instances }: Status): string[] {
  const about = scope === null ? "" : `${scopeWords(scope)}: `;
  const obeyed =
    instances === null || instances.known === 0 ? "" : `, ${instances.obeyed} of ${instances.known} instances obey`;
  const none = scope === null && orders?.length === 0 ? ", no order is in force" : "";
  return [
    `${about}${mode}${none}${obeyed} (${printable(where)})`,
    ...(orders ?? []).map(orderLine),
    ...(narrower ?? []).map(narrowerLine),
  ];
}
