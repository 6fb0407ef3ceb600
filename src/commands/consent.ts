import { createInterface } from "node:readline/promises";
import type { MayAct } from "../audit/plan-acts.ts";
import type { Project } from "../config/project.ts";
import { Interrupted } from "../evidence/gathering.ts";
import type { Surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

export type Mode = "full" | "read-only" | "offline";

/** What `--act-on` and `--env` say together. Throws UsageError where they name two environments. */
export function checkActOn(actOn: string | undefined, environment: string | undefined): void {
  if (actOn === undefined || actOn === environment) return;
  if (environment === undefined) throw new UsageError(`--act-on ${actOn} needs --env ${actOn}`);
  throw new UsageError(`--act-on ${actOn} and --env ${environment} name two environments`);
}

/** Whether this run may act where the configuration consents, before anybody is asked (contract, 3.2). */
export function mayActAs(mode: Mode, project: Project, actOn: string | undefined): MayAct {
  if (mode === "offline") return { why: "--offline" };
  if (mode === "read-only") return { why: "--read-only" };
  const { environment } = project;
  if (!project.protected || environment === null || actOn === environment) return true;
  return { why: `${environment} is protected: add --act-on ${environment}` };
}

/** Whether somebody sits there who can be asked. */
export function canAsk({ stdin, stderr }: Surroundings): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** Has the name of a protected environment typed; anything else leaves it untouched. Throws Interrupted. */
export async function askToAct(environment: string, targets: string, surroundings: Surroundings): Promise<MayAct> {
  const { stdin, stderr, signal } = surroundings;
  stderr.write(`${environment} is protected, and this audit would act on ${targets}.\n`);
  stderr.write("Type the environment's name to allow it, Enter to leave it alone: ");
  const lines = createInterface({ input: stdin, terminal: false });
  try {
    const typed = await nextLine(lines, signal);
    return typed.trim() === environment ? true : { why: `${environment} is protected, and its name was not typed` };
  } finally {
    lines.close();
  }
}

/** The next line that is typed; empty at the end of input. Throws Interrupted. */
export function nextLine(lines: ReturnType<typeof createInterface>, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const interrupted = () => {
      reject(new Interrupted("interrupted"));
    };
    if (signal.aborted) interrupted();
    signal.addEventListener("abort", interrupted, { once: true });
    lines.once("line", resolve);
    lines.once("close", () => {
      signal.removeEventListener("abort", interrupted);
      resolve("");
    });
  });
}
