import type { RefusalReason } from "./decide.ts";

/** What a fallback text may depend on. */
export interface FallbackAsked {
  type: string;
  reason: RefusalReason;
  /** BCP 47 tags in the order of preference, from `locale` or a request's `Accept-Language`. */
  locales: readonly string[];
}

/**
 * What a user reads instead of an error: one text, texts by locale (`{ en: "…", "de-AT": "…" }`, the first one being the
 * default), or a function that makes one.
 */
export type Fallback = string | Readonly<Record<string, string>> | ((asked: FallbackAsked) => string);

/** Throws TypeError for a fallback that would show a user nothing. */
export function checkFallback(fallback: Fallback | undefined): void {
  if (fallback === undefined || typeof fallback === "function") return;
  // Null too, from JavaScript.
  const texts: unknown[] = typeof fallback === "string" ? [fallback] : Object.values((fallback as object | null) ?? {});
  if (texts.length > 0 && texts.every((text) => typeof text === "string" && text.trim() !== "")) return;
  throw new TypeError(
    "fallback must be a text, texts by locale, or a function that returns one; an empty one tells nobody anything",
  );
}

/** The text for a refusal; null where none was given. A function that fails must not turn a refusal into a crash: its words are then left out. */
export function fallbackText(fallback: Fallback | undefined, asked: FallbackAsked): string | null {
  if (fallback === undefined) return null;
  if (typeof fallback === "string") return fallback;
  if (typeof fallback !== "function") return byLocale(fallback, asked.locales);
  try {
    const text: unknown = fallback(asked);
    return typeof text === "string" && text !== "" ? text : null;
  } catch {
    return null;
  }
}

/** RFC 4647 lookup: `de-AT` finds `de-AT`, then `de`; without a match the first text is taken. */
function byLocale(texts: Readonly<Record<string, string>>, locales: readonly string[]): string | null {
  const known = new Map(Object.entries(texts).map(([locale, text]) => [locale.toLowerCase(), text]));
  for (const locale of locales) {
    const parts = locale.toLowerCase().split("-");
    for (let length = parts.length; length > 0; length--) {
      const text = known.get(parts.slice(0, length).join("-"));
      if (text !== undefined) return text;
    }
  }
  return Object.values(texts)[0] ?? null;
}

/** The languages of an `Accept-Language` header, most wanted first; those with q=0 left out. */
export function acceptedLocales(header: string | null): string[] {
  const wanted = (header ?? "").split(",").flatMap((part) => {
    const [tag = "", ...parameters] = part.trim().split(/\s*;\s*/);
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const q = weight === undefined ? 1 : Number(weight.slice(2));
    return /^[A-Za-z0-9-]+$/.test(tag) && q > 0 ? [{ tag, q }] : [];
  });
  return wanted.sort((a, b) => b.q - a.q).map(({ tag }) => tag);
}
