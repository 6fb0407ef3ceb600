import {
  broke,
  type Finding,
  heldUp,
  say,
  seconds,
  statusWithin,
  stopFault,
  type Trial,
  unproven,
  watchStop,
} from "./trial.ts";

/** The switch is gone, its connections hang: whoever cannot hear it must stop writing once the lease is over. */
export async function switchDown(trial: Trial): Promise<Finding> {
  const { target, order, figures, gathering, limits, withinMs } = trial;
  say(trial, "stopping the switch");
  await target.freeze();
  const downAt = gathering.clock.monotonic();
  say(trial, `the switch is down; writes must stop within ${seconds(withinMs)}`);
  // A second more than it may take: who goes on for so long does not stop because of the lease.
  const patient = { ...trial, limits: { ...limits, stop: withinMs + 1_000 } };
  const [watched, status] = await Promise.all([
    watchStop(patient, downAt),
    statusWithin(order, figures.silence, gathering.signal),
  ]);
  say(trial, "starting the switch again");
  await target.thaw();
  const ms: Finding["ms"] = { within: withinMs };
  if (watched.stop.state === "stopped") ms["stop"] = watched.stop.ms;
  if (typeof status === "boolean" || !status.silent)
    return unproven("the switch still answered after it was stopped", ms);
  const fault = stopFault(watched, Number.POSITIVE_INFINITY);
  if (fault !== null)
    return fault.unclear ? unproven(fault.why, ms) : broke(`${fault.why} without the switch`, ms, null);
  const last = watched.lastAcceptedMs ?? 0;
  if (last <= withinMs) return heldUp(ms, null);
  return broke(`a write was accepted ${seconds(last)} after the switch was gone, past ${seconds(withinMs)}`, ms, null);
}
