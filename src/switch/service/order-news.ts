import type { News } from "../../alerts/news.ts";
import type { Standing } from "../protocol/order.ts";
import type { NewEntry } from "./entry.ts";

/** News without what every service adds of its own. */
export type OrderNews = Omit<News, "id" | "switchName" | "link">;

/** What people are told of an order. */
export function newsOf(entry: NewEntry, { series }: Pick<Standing, "series">): OrderNews {
  const { kind, scope = "*", mode, by, reason = "", at, epoch = null } = entry;
  return {
    kind: kind === "trip" || kind === "release" ? kind : "kill",
    drill: scope.startsWith("drill/"),
    series,
    epoch,
    scope,
    mode: mode ?? "running",
    by,
    reason,
    at,
  };
}
