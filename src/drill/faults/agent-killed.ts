import { CallFailed } from "../../doors/door.ts";
import { held, pause } from "../../rehearsal/pause.ts";
import type { Probed } from "../../rehearsal/probe.ts";
import { sendUntilTaken } from "../../rehearsal/put-back.ts";
import { fillingOf } from "../../rehearsal/switch-order.ts";
import { broke, type Finding, giveOrder, heldUp, mustObey, say, seconds, type Trial, unproven } from "./trial.ts";

/**
 * The agent dies: the switch must take an order all the same, and whoever starts the agent again gets one that asks the
 * switch before it writes.
 */
export async function agentKilled(trial: Trial): Promise<Finding> {
  const { gathering, target, planned, order, limits } = trial;
  const { clock } = gathering;
  say(trial, "killing the agent");
  await target.kill();
  const killedAt = clock.monotonic();
  const seen: Seen = { early: 0, late: 0, unanswered: 0, orderAt: null };
  const [taken] = await Promise.all([
    giveOrder(trial).then((one) => {
      // From what its answer says: a supervisor may have been faster than the order.
      seen.orderAt = "answeredAt" in one ? one.answeredAt : clock.monotonic();
      return one;
    }),
    probeUntilOrdered(trial, seen),
  ]);
  if (!(await isGone(trial))) return unproven("the agent's process is still there after SIGKILL: nothing was killed");
  if ("why" in taken) return broke(`while the agent was gone, ${taken.why}`, {}, false);
  const { ms } = taken;
  if (planned.restart !== null && planned.restart !== "supervisor") {
    say(trial, "starting the agent again");
    const filling = fillingOf(order, "start again");
    const failed = await sendUntilTaken(planned.restart, order.project, filling, { clock, limits });
    if (failed !== null) return broke(`the restart failed: ${failed}`, ms, true);
  }
  const up = await firstAnswer(trial, seen);
  if (up === null) return broke(`the agent did not come up again within ${seconds(limits.back)}`, ms, true);
  if (target.isGone() === null && seen.unanswered === 0)
    return unproven("the agent answered all along: nothing was killed", ms);
  ms["up"] = up.settledAt - killedAt;
  // A restart gives new names, so none is waited for.
  const watching: Trial = { ...trial, steady: { ...trial.steady, instances: [] }, prober: counting(trial, seen) };
  const trouble = await mustObey(watching, up.sentAt, ms);
  if (trouble !== null) return trouble;
  if (seen.late === 0) return heldUp(ms, true);
  if (seen.early > 0) return unproven("the agent was started again before the switch had taken the order", ms);
  return broke(
    `the restarted agent accepted ${seen.late} writes before it refused: it did not ask the switch first`,
    ms,
    true,
  );
}

/** Writes that were accepted before and after the switch had taken the order, and those that nobody answered. */
interface Seen {
  early: number;
  late: number;
  unanswered: number;
  /** Monotonic. */
  orderAt: number | null;
}

function count(seen: Seen, { heard, outcome, sentAt }: Probed): void {
  if (outcome instanceof CallFailed) seen.unanswered += 1;
  if (heard.kind !== "accepted") return;
  if (seen.orderAt === null || sentAt < seen.orderAt) seen.early += 1;
  else seen.late += 1;
}

function counting({ prober }: Trial, seen: Seen): Trial["prober"] {
  return {
    async next() {
      const probed = await prober.next();
      count(seen, probed);
      return probed;
    },
  };
}

async function probeUntilOrdered(trial: Trial, seen: Seen): Promise<void> {
  const prober = counting(trial, seen);
  while (seen.orderAt === null) await held(prober.next());
}

async function isGone({ target, figures, gathering, limits }: Trial): Promise<boolean> {
  const deadline = gathering.clock.monotonic() + figures.gone;
  while (target.isGone() === false && gathering.clock.monotonic() < deadline) await pause(limits.every);
  return target.isGone() !== false;
}

/** The first answer that is the agent's own; null where it does not come up. */
async function firstAnswer(trial: Trial, seen: Seen): Promise<Probed | null> {
  const { gathering, limits } = trial;
  say(trial, "waiting for the agent to come up");
  const prober = counting(trial, seen);
  const deadline = gathering.clock.monotonic() + limits.back;
  while (gathering.clock.monotonic() < deadline) {
    const probed = await prober.next();
    if (probed.heard.kind !== "neither" && !(probed.outcome instanceof CallFailed)) return probed;
  }
  return null;
}
