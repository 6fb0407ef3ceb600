import type { Fact } from "../audit/fact.ts";
import type { Project } from "../config/project.ts";
import type { Clock } from "../values/clock.ts";
import type { FactName, Facts, FactValues } from "./facts.ts";

/** Something that we pulled and that is not back: the audit ends with status 4 and prints `command` last. */
export interface NotBack {
  what: string;
  /** What a person types to put it back, without secrets. */
  command: string;
}

/** Shows a person what is going on where it takes over a second; says nothing on a pipe. */
export interface Progress {
  /** Replaces the live line. */
  show(text: string): void;
  /** Ends the live line. */
  clear(): void;
  /** A lasting line on standard error. */
  say(text: string): void;
}

/** What every gatherer is given. */
export interface Gathering {
  project: Project;
  /** `read-only` opens connections and acts on nothing; `offline` opens none and runs no command. */
  mode: "full" | "read-only" | "offline";
  /** Whether this run may act where the configuration consents; else why not (`--read-only`, protected environment). */
  mayAct: true | { why: string };
  /** Who pulls the switch: `--by`, else the CI's actor, else user@host. */
  activator: string;
  clock: Clock;
  /** Aborted on SIGINT and SIGTERM: put back, then throw Interrupted. */
  signal: AbortSignal;
  progress: Progress;
  /** Facts gathered before this one, in the order of work. */
  facts: Facts;
  notBack: NotBack[];
}

export type Gather<Name extends FactName> = (gathering: Gathering) => Promise<Fact<FactValues[Name]>>;

/** The run was interrupted and everything that was pulled is back (exit 130), or is named in `notBack` (exit 4). */
export class Interrupted extends Error {
  override name = "Interrupted";
}
