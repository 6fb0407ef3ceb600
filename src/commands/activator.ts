import { hostname, userInfo } from "node:os";

/** Where CI systems say who set the job off. */
const CI_ACTORS = [
  "GITHUB_ACTOR",
  "GITLAB_USER_LOGIN",
  "BUILDKITE_BUILD_CREATOR",
  "CIRCLE_USERNAME",
  "BUILD_REQUESTEDFOR",
  "BUILD_USER_ID",
] as const;

/** Who pulls the switch: `--by`, else the CI's actor, else user@host. */
export function activatorOf(by: string | undefined, env: Readonly<Record<string, string | undefined>>): string {
  const actor = CI_ACTORS.map((name) => env[name]).find((value) => value !== undefined && value !== "");
  return by ?? actor ?? `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // Containers run under user ids that no passwd file knows.
    return "unknown";
  }
}
