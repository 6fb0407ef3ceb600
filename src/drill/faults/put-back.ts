import type { Guardian } from "../../doors/guardian.ts";
import { sendProbe } from "../../rehearsal/probe.ts";
import { commandLine, putBackSwitch } from "../../rehearsal/put-back.ts";
import { callsOf, fillingOf } from "../../rehearsal/switch-order.ts";
import { writesAgain } from "../../rehearsal/writes-again.ts";
import { undoLine } from "./note.ts";
import { bringUp } from "./restart.ts";
import { whyFrozen } from "./target.ts";
import type { Trial } from "./trial.ts";

export interface AllBack {
  /** Nothing of ours is left anywhere. */
  isBack: boolean;
  /** What came in between, so that nothing is known of the fault; null where nothing did. */
  spoilt: string | null;
  /** What is not back; null where all is. */
  why: string | null;
}

/** The fault first, since a frozen switch takes no release; then the order; then writes. Obeys no interrupt. */
export async function putAllBack(trial: Trial, before: string[] | null, guardian: Guardian): Promise<AllBack> {
  const { planned, order, gathering, limits, steady } = trial;
  const { notBack, progress, clock } = gathering;
  progress.show(`${planned.fault}: putting back …`);
  const instances = planned.restart === null ? steady.instances : [];
  const wrong = await undoFault(trial);
  if (wrong !== null) {
    guardian.letAct();
    notBack.push({ what: `the ${trial.target.name} after ${planned.fault}: ${wrong}`, command: await undoLine(trial) });
  }
  const back = trial.pulled
    ? await putBackSwitch({ order, before, stands: trial.pulled, instances, clock, limits })
    : await backWithoutOrder(trial);
  if (back.state === "left") progress.say(`LEFT AS IT IS: ${back.why}; it is not ours to release`);
  if (back.state === "not-back") {
    notBack.push({ what: `${order.scope} at the kill switch: ${back.why}`, command: back.command });
  }
  const spoilt = back.state === "left" ? `somebody else pulled the switch in the middle: ${back.why}` : null;
  const why = [wrong, back.state === "not-back" ? back.why : null].filter((one) => one !== null).join("; ");
  return { isBack: why === "", spoilt, why: why === "" ? null : why };
}

async function undoFault({ planned, target, order, gathering, limits }: Trial): Promise<string | null> {
  const { project } = order;
  if (planned.restart !== null) {
    const filling = fillingOf(order, "start again");
    return bringUp(planned.restart, { project, filling, clock: gathering.clock, limits });
  }
  return whyFrozen(target);
}

type Back = { state: "back" } | { state: "not-back"; why: string; command: string };

async function backWithoutOrder({ planned, order, gathering, limits, steady }: Trial): Promise<Back> {
  const { clock } = gathering;
  const { project } = order;
  const filling = fillingOf(order, "probe");
  const again = await writesAgain(
    () => sendProbe(planned.pull.probes.write, project, filling),
    clock.monotonic(),
    clock,
    limits,
    steady.instances,
  );
  if (!("why" in again)) return { state: "back" };
  const { release } = callsOf(order.killSwitch);
  return { state: "not-back", why: again.why, command: release ? await commandLine(release, project, filling) : "" };
}
