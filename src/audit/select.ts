import type { Check, Suite } from "./check.ts";

/** A suite and those of its checks that were asked for, in the order of their lines. */
export interface SelectedSuite {
  suite: Suite;
  checks: readonly Check[];
}

/** `--check` named something that does not exist; the message lists what does. */
export class UnknownCheck extends Error {
  override name = "UnknownCheck";
}

/** The checks that `--check` names by suite, id or key, exactly; with none, all. Throws UnknownCheck. */
export function selectChecks(suites: readonly Suite[], requested: readonly string[]): SelectedSuite[] {
  for (const name of requested) {
    if (!suites.some((suite) => suite.id === name || suite.checks.some((check) => isCalled(check, name)))) {
      throw new UnknownCheck(unknownMessage(suites, name));
    }
  }
  const wanted = (suite: Suite, check: Check) =>
    requested.length === 0 || requested.some((name) => name === suite.id || isCalled(check, name));
  return suites
    .map((suite) => ({ suite, checks: suite.checks.filter((check) => wanted(suite, check)) }))
    .filter(({ checks }) => checks.length > 0);
}

function isCalled(check: Check, name: string): boolean {
  return check.id === name || check.key === name;
}

function unknownMessage(suites: readonly Suite[], name: string): string {
  const checks = suites.flatMap((suite) => suite.checks);
  const hint = checks.find(({ id }) => withoutZeros(id) === withoutZeros(name));
  const known = [...suites.map(({ id }) => id), ...checks.map(({ id, key }) => `${id} ${key}`)].join(", ");
  return `unknown check "${name}"${hint ? ` (did you mean ${hint.id}?)` : ""}; known: ${known}`;
}

/** `5.1` and `05.01` for `05.1`: YAML and spreadsheets eat zeros. */
function withoutZeros(id: string): string {
  return id
    .split(".")
    .map((part) => part.replace(/^0+(?=\d)/, ""))
    .join(".");
}
