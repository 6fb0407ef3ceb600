import type { Project } from "../config/project.ts";
import type { WriteProbe } from "../config/schema.ts";
import type { PlaceholderValues } from "../config/template.ts";
import { contextOf } from "../doors/context.ts";
import { CallFailed } from "../doors/door.ts";
import { matches } from "../doors/expectation.ts";
import { answerJson, readThrough } from "../doors/reading.ts";
import { send } from "../doors/send.ts";
import { DRILL_HEADERS } from "../rehearsal/probe.ts";
import { canonicalJson } from "../values/canonical-json.ts";
import { sha256 } from "../values/hash-chain.ts";

export type StateCall = NonNullable<WriteProbe["state"]>;

/** What a drill's write changes, as a digest: two that are equal are the same state. */
export type State = { digest: string } | { why: string };

/** Reads a state: the JSON at `at`, or the whole answer where it is not JSON. Throws nothing that is known. */
export async function readState(
  call: StateCall,
  project: Project,
  filling: PlaceholderValues,
  signal?: AbortSignal,
): Promise<State> {
  try {
    const context = contextOf(project, filling, { headers: DRILL_HEADERS, fresh: true, ...(signal ? { signal } : {}) });
    const answer = await send(call, context);
    const match = matches(answer, call.expect);
    if (!match.met) return { why: match.why };
    const json = answerJson(answer);
    if ("why" in json) {
      if (call.at !== undefined) return { why: json.why };
      return { digest: sha256(answer.via === "http" ? answer.text : answer.stdout) };
    }
    const value = call.at === undefined ? json.value : readThrough(json.value, call.at);
    if (value === undefined) return { why: `nothing stands at ${call.at ?? "the top"} of its answer` };
    return { digest: sha256(canonicalJson(value)) };
  } catch (error) {
    if (error instanceof CallFailed) return { why: error.why };
    throw error;
  }
}
