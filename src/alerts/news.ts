import { randomUUID } from "node:crypto";
import type { Mode } from "../switch/protocol/mode.ts";

/**
 * `refused`: an attempt that the switch did not allow. `test`: somebody asked whether alerts arrive. `reminder`: a drill is
 * due.
 */
export type NewsKind = "kill" | "release" | "trip" | "refused" | "test" | "reminder";

/** In characters: the name of a token in it is as long as somebody likes. */
const LONGEST_DOING = 200;

/** What people are told of, once for every route. */
export interface News {
  /** Names this piece of news for good: receivers see the same one when it is sent again. */
  id: string;
  kind: NewsKind;
  /** About a scope under `drill/`: nothing real was stopped. */
  drill: boolean;
  /** The switch's `name`. */
  switchName: string;
  series: string;
  /** The order's number; null where there is no order (a refused attempt, a test). */
  epoch: number | null;
  /** Null where none was named: a refused attempt to change tokens. */
  scope: string | null;
  /** The call that a refused attempt was: `POST /v1/release`. */
  doing?: string;
  /** What the scope may do now; null where nothing about that changed. */
  mode: Mode | null;
  by: string;
  reason: string;
  /** ISO 8601. */
  at: string;
  /** The switch's page with the scope chosen; null where `publicUrl` is not known. */
  link: string | null;
}

/** A new name for a piece of news. */
export function newsId(): string {
  return `msg_${randomUUID().replaceAll("-", "")}`;
}

/** News that somebody wants to know whether news arrives; a scope of `*` where none is meant. */
export function testNews(
  about: Pick<News, "switchName" | "by" | "at"> & Partial<Pick<News, "series" | "scope" | "link">>,
): News {
  const { series = "", scope = "*", link = null, ...rest } = about;
  const fixed = { kind: "test", drill: false, epoch: null, mode: null, reason: "clawproof alerts test" } as const;
  return { id: newsId(), series, scope, link, ...fixed, ...rest };
}

/** The switch's page, with the scope chosen where there is one. */
export function newsLink(publicUrl: string | null, scope: string | null): string | null {
  if (publicUrl === null || !URL.canParse(publicUrl)) return null;
  const { origin, pathname } = new URL(publicUrl);
  const page = `${origin}${pathname.replace(/\/*$/, "/")}`;
  return scope === null ? page : `${page}?${new URLSearchParams({ scope }).toString()}`;
}

/** What happened, in one line: `[DRILL] support-agent is stopped`. */
export function headline(news: News): string {
  const { kind, drill, scope, mode } = news;
  const what = scope?.endsWith("*") === true ? `everything (${scope})` : (scope ?? "");
  const words = kind === "refused" ? refusal(news, what) : HEADLINES[kind](what, mode);
  return oneLine(`${drill ? "[DRILL] " : ""}${words}`);
}

function refusal({ doing = "an attempt" }: News, what: string): string {
  return `${cut(doing, LONGEST_DOING)}${what === "" ? "" : ` on ${what}`} was refused`;
}

const HEADLINES: Record<Exclude<NewsKind, "refused">, (what: string, mode: Mode | null) => string> = {
  kill: (what, mode) => `${what} is ${mode ?? "stopped"}`,
  release: (what, mode) =>
    mode === null || mode === "running"
      ? `${what} is released`
      : `${what} is released, and still ${mode} by another order`,
  trip: (what, mode) => `${what} is ${mode ?? "read-only"}: its circuit breaker opened`,
  test: () => "Test alert: nothing was stopped",
  reminder: (what) => `a kill switch drill of ${what} is due`,
};

/** Everything in one line of at most `most` characters. */
export function summary(news: News, most: number): string {
  return cut(oneLine(`${headline(news)} — by ${news.by}: ${news.reason} (switch ${news.switchName})`), most);
}

/** White space, control characters and those that turn the direction of writing could make words look like others. */
const NOT_PLAIN = /[\s\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;

/** Text of a person's on one line. */
export function oneLine(text: string): string {
  return text.replace(NOT_PLAIN, " ").trim();
}

/** At most so many characters, the last of them `…` where something is left out. */
export function cut(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}
