/** A time limit as messages say it: `2 s`, `1.5 s`, `500 ms`. */
export function limitWords(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Number((ms / 1_000).toFixed(1))} s`;
}

/** The `code` that Node puts on its errors (`ECONNREFUSED`), or `""`. */
export function errorCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}
