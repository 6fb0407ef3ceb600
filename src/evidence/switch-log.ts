import type { LogCall } from "../config/schema.ts";
import type { Project } from "../config/project.ts";
import type { PlaceholderValues } from "../config/template.ts";
import { contextOf } from "../doors/context.ts";
import { CallFailed } from "../doors/door.ts";
import { answerJson, readThrough, readTime } from "../doors/reading.ts";
import type { SwitchLogEntry } from "./facts.ts";

/** The switch's log could not be read; `why` is for a person. */
export class LogUnread extends Error {
  override name = "LogUnread";
  readonly why: string;
  constructor(why: string, options?: ErrorOptions) {
    super(why, options);
    this.why = why;
  }
}

/** The log that a rehearsal reads: its twin where there is one; null where none is configured. */
export function logCallOf({ config }: Project): LogCall | null {
  const { killSwitch } = config;
  return killSwitch?.rehearse?.log ?? killSwitch?.log ?? null;
}

/** Whether the log says what an order covers and why: without both nobody can tell whose order is newest. */
export function tellsWhose({ fields }: LogCall): boolean {
  return fields.scope !== undefined && fields.reason !== undefined;
}

/** The entries of the switch's own log, oldest first where they have times. Throws LogUnread. */
export async function readLog(
  call: LogCall,
  project: Project,
  placeholders: PlaceholderValues,
  signal?: AbortSignal,
): Promise<SwitchLogEntry[]> {
  const { send } = await import("../doors/send.ts");
  const { matches } = await import("../doors/expectation.ts");
  const context = contextOf(project, placeholders, signal ? { signal } : {});
  const answer = await send(call, context).catch((error: unknown) => {
    if (error instanceof CallFailed) throw new LogUnread(error.why, { cause: error });
    throw error;
  });
  const match = matches(answer, call.expect);
  if (!match.met) throw new LogUnread(match.why);
  const json = answerJson(answer);
  if ("why" in json) throw new LogUnread(json.why);
  const entries = call.entries === undefined ? json.value : readThrough(json.value, call.entries);
  if (!Array.isArray(entries)) throw new LogUnread(`no list stands at ${call.entries ?? "the top"} of its answer`);
  const { at, by, reason, scope } = call.fields;
  const text = (entry: unknown, reading: typeof by): string | null => {
    const value = reading === undefined ? undefined : readThrough(entry, reading);
    return typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : null;
  };
  const isOwn = project.config.killSwitch !== undefined && "provider" in project.config.killSwitch;
  const given = isOwn ? entries.filter((entry) => !isExpiry(entry)) : entries;
  const read = given.map((entry: unknown): SwitchLogEntry => ({
    at: at === undefined ? null : readTime(readThrough(entry, at)),
    by: text(entry, by),
    reason: text(entry, reason),
    scope: text(entry, scope),
    ...(isOwn ? ownOf(entry) : {}),
  }));
  return read.every((entry) => entry.at !== null) ? read.sort((a, b) => (a.at ?? 0) - (b.at ?? 0)) : read;
}

function ownOf(entry: unknown): Pick<SwitchLogEntry, "evidence" | "own"> {
  const [evidence, epoch, hash] = ["/evidence", "/epoch", "/hash"].map((pointer) => readThrough(entry, pointer));
  return {
    ...(typeof evidence === "string" ? { evidence } : {}),
    own: { epoch: typeof epoch === "number" ? epoch : null, hash: typeof hash === "string" ? hash : null },
  };
}

/** A switch of ours ends orders by itself: that is nobody's order, and what it ended must not be taken for somebody's. */
function isExpiry(entry: unknown): boolean {
  return readThrough(entry, { at: "/kind", is: "expired" }) === true;
}

/** Whether an entry is of this rehearsal: it carries the mark or, where no reason is kept, our activator. */
export function isOurs(entry: SwitchLogEntry, mark: string, activator: string): boolean {
  return entry.reason === null ? entry.by === activator : entry.reason.includes(mark);
}
