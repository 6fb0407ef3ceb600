import type { News } from "../../alerts/news.ts";
import type { Standing } from "../protocol/order.ts";
import { isOfDrill, type RefusedAttempt } from "./attempts.ts";
import type { NewEntry } from "./entry.ts";

/** News without what every service adds of its own. */
export type BareNews = Omit<News, "id" | "switchName" | "link">;
export type OrderNews = BareNews & { scope: string };

/** What people are told of an order. */
export function newsOf(entry: NewEntry, { series }: Pick<Standing, "series">): OrderNews {
  const { kind, scope = "*", mode, by, reason = "", at, epoch = null } = entry;
  return {
    kind: kind === "trip" || kind === "release" ? kind : "kill",
    drill: isOfDrill(scope),
    series,
    epoch,
    scope,
    mode: mode ?? "running",
    by,
    reason,
    at,
  };
}

/** What people are told of an attempt that was not allowed. */
export function newsOfRefusal(
  { by, scope, doing, why }: RefusedAttempt,
  { series }: Pick<Standing, "series">,
  at: string,
): BareNews {
  const about = { scope: scope ?? null, doing, drill: isOfDrill(scope) };
  return { kind: "refused", ...about, series, epoch: null, mode: null, by, reason: why, at };
}
