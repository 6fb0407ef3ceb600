const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const namesOf = (value: Record<string, unknown>): string[] =>
  Object.keys(value).filter((name) => value[name] !== undefined);

/** Whether two values are the same JSON, members in any order: also deep ones, and text with half a character. */
export function sameJson(one: unknown, other: unknown): boolean {
  const left = [[one, other]];
  for (let pair = left.pop(); pair; pair = left.pop()) {
    const [a, b] = pair;
    if (a === b) continue;
    if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) return false;
    const names = namesOf(a);
    if (names.length !== namesOf(b).length || !names.every((name) => Object.hasOwn(b, name))) return false;
    for (const name of names) left.push([a[name], b[name]]);
  }
  return true;
}
