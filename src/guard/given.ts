/** What the code of an agent gives, looked at where types cannot: it may be JavaScript, or JSON that was read. */

/**
 * Throws TypeError for what is no object, and for a member that nobody reads: a word misspelt would leave a default in
 * force, or a field unredacted, and nobody would hear of it.
 * @param place what the object is called in messages
 */
export function checkMembers(place: string, given: unknown, known: readonly string[]): void {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new TypeError(`${place} must be an object with ${known.join(", ")}, not ${shown(given)}`);
  }
  for (const name of Object.keys(given)) {
    if (!known.includes(name))
      throw new TypeError(`${name} is not an option of ${place}; known are ${known.join(", ")}`);
  }
}

/** Throws TypeError where members that are given are no functions. */
export function checkFunctions(place: string, given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || typeof value === "function") continue;
    throw new TypeError(`${name} of ${place} must be a function, not ${shown(value)}`);
  }
}

/** A value as a message shows it. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
