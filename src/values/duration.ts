const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
type Unit = keyof typeof MS;

const FORM = /^(\d+)(ms|s|m|h|d|w)$/;

/** Milliseconds of `500ms`, `30s`, `5m`, `3h`, `31d` or `2w` (contract, section 3.1); undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = FORM.exec(text) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  const ms = Number(count) * MS[unit as Unit];
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Days are the largest: people write 35d, and would not know it again as 5w. */
const PRINTED: readonly Unit[] = ["d", "h", "m", "s", "ms"];

/** Milliseconds in the largest unit that says them exactly, so that `parseDuration` reads back the same; rounded to whole ones. */
export function formatDuration(ms: number): string {
  const whole = Math.round(Math.abs(ms));
  if (whole === 0) return "0s";
  const unit = PRINTED.find((candidate) => whole % MS[candidate] === 0) ?? "ms";
  return `${ms < 0 ? "-" : ""}${whole / MS[unit]}${unit}`;
}
