/** A YAML map as parsed. */
export type YamlMap = Record<string, unknown>;

export function isMap(value: unknown): value is YamlMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field of a map; null counts as not given, as it does to the Kubernetes API. */
export function field(owner: unknown, key: string): unknown {
  if (!isMap(owner) || !Object.hasOwn(owner, key)) return undefined;
  return owner[key] ?? undefined;
}

export function textField(owner: unknown, key: string): string | undefined {
  const value = field(owner, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/**
 * Reads fields of one type each, and collects what has another: a manifest that the Kubernetes API would refuse, or whose
 * values are filled in elsewhere, must end as unknown and not as a default.
 */
export class FieldReader {
  readonly problems: string[] = [];

  /** A whole number; undefined where it is not given or is something else. */
  integer(owner: unknown, key: string, path: string): number | undefined {
    return this.#typed(owner, key, path, "a whole number", (value): value is number => Number.isSafeInteger(value));
  }

  boolean(owner: unknown, key: string, path: string): boolean | undefined {
    return this.#typed(owner, key, path, "true or false", (value): value is boolean => typeof value === "boolean");
  }

  text(owner: unknown, key: string, path: string): string | undefined {
    return this.#typed(owner, key, path, "text", (value): value is string => typeof value === "string");
  }

  map(owner: unknown, key: string, path: string): YamlMap | undefined {
    return this.#typed(owner, key, path, "a map", isMap);
  }

  list(owner: unknown, key: string, path: string): unknown[] {
    return this.#typed(owner, key, path, "a list", (value): value is unknown[] => Array.isArray(value)) ?? [];
  }

  #typed<T>(
    owner: unknown,
    key: string,
    path: string,
    expected: string,
    is: (value: unknown) => value is T,
  ): T | undefined {
    const value = field(owner, key);
    if (value === undefined || is(value)) return value;
    this.problems.push(
      `${path} is ${shown(value)}, ${isPlaceholder(value) ? "which is filled in elsewhere" : `not ${expected}`}`,
    );
    return undefined;
  }
}

/** Whether a value is put in by Helm (`{{ … }}`) or by a shell or envsubst (`${…}`). */
export function isPlaceholder(value: unknown): boolean {
  return typeof value === "string" && /\{\{|\$\{/.test(value);
}

function shown(value: unknown): string {
  if (typeof value === "string") return isPlaceholder(value) ? value : JSON.stringify(value);
  if (Array.isArray(value)) return "a list";
  return isMap(value) ? "a map" : String(value);
}
