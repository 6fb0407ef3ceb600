/** Readers of saved JSON. Each throws a TypeError that names `what` and the place in it. */
export class SavedReader {
  readonly #what: string;

  constructor(what: string) {
    this.#what = what;
  }

  damaged(why: string): TypeError {
    return new TypeError(`${this.#what} cannot be read: ${why}`);
  }

  record(json: unknown, name: string): Record<string, unknown> {
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
    throw this.damaged(`${name} is not an object`);
  }

  list(json: unknown, name: string, atMost: number): unknown[] {
    if (Array.isArray(json) && json.length <= atMost) return json as unknown[];
    throw this.damaged(`${name} is not a list of at most ${atMost}`);
  }

  number(json: unknown, name: string): number {
    if (typeof json === "number" && Number.isFinite(json)) return json;
    throw this.damaged(`${name} is not a number`);
  }

  count(json: unknown, name: string): number {
    if (typeof json === "number" && Number.isSafeInteger(json) && json >= 0) return json;
    throw this.damaged(`${name} is not a whole number of at least 0`);
  }

  text(json: unknown, name: string): string {
    if (typeof json === "string") return json;
    throw this.damaged(`${name} is not a text`);
  }
}
