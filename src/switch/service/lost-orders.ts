import type { ReportRequest } from "../protocol/messages.ts";
import { type Caller, Refused } from "./caller.ts";

/** A report further ahead than this proves nothing but a mistake. */
const FARTHEST_AHEAD = 10_000;
/** Clients know of one lost order, or of a few; who reports more of them makes them up. */
const MOST_BELIEVED = 10;

/** Why everything is stopped, at which epoch, and what the log says of who reported it. */
export interface Loss {
  why: string;
  epoch: number;
  more: Record<string, unknown>;
}

/** Orders that a restored backup lacks, and that somebody has heard. */
export class LostOrders {
  #believed = 0;

  /** What a report proves to be lost where the newest order is `epoch`; null for nothing. Throws Refused (400, 403). */
  in(report: ReportRequest, epoch: number, { name, from }: Caller): Loss | null {
    const { epoch: heard, instance, agent } = report;
    if (heard <= epoch) return null;
    if (heard > epoch + FARTHEST_AHEAD) {
      throw new Refused(400, `epoch ${heard} is more than ${FARTHEST_AHEAD} ahead of ${epoch}`);
    }
    if (this.#believed >= MOST_BELIEVED) {
      throw new Refused(
        403,
        `epoch ${heard} is ahead of ${epoch}, and ${MOST_BELIEVED} such reports were believed already`,
      );
    }
    this.#believed++;
    const why = `${instance} of ${agent} has heard order ${heard}, and this switch knows none after ${epoch}: its data was restored from a backup`;
    return { why, epoch: heard + 1, more: { reportedBy: name, reportedFrom: from } };
  }
}

/** What a backup lacks nobody can know: everything is stopped on the first start with it. `madeAt`: ISO 8601. */
export function lossOfBackup(madeAt: string, epoch: number): Loss {
  return { why: `the data was restored from a backup of ${madeAt}`, epoch: epoch + 1, more: { backupOf: madeAt } };
}
