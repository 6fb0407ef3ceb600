import type { ExitCode } from "../audit/report.ts";
import { SwitchProblem } from "../operator/problem.ts";
import { everySo } from "../rehearsal/pause.ts";
import { chooseTarget } from "../operator/target.ts";
import { printable } from "../report/printable.ts";
import type { Format } from "./formats.ts";
import type { Surroundings } from "./surroundings.ts";
import { formatOf, type SwitchFlags } from "./switch-flags.ts";
import { jsonLine, onSwitch } from "./switch-run.ts";
import { checkedScope, configuredAgent } from "./switch-scope.ts";
import { askStatus, type Asking, type Status, statusLines } from "./switch-status.ts";
import { localTime } from "./switch-words.ts";
import { sayWhatIsLeft } from "./leftovers.ts";

export interface StatusFlags extends SwitchFlags {
  watch?: boolean;
}

const EVERY_MS = 1_000;
const UNKNOWN = 3;

/** `clawproof status [SCOPE]`: 0 running, 1 stopped or read-only, 3 unknown. Throws UsageError, InvalidConfig. */
export async function status(
  scopeWord: string | undefined,
  flags: StatusFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const format = formatOf(flags);
  const typed = scopeWord === undefined ? null : checkedScope(scopeWord);
  return onSwitch(format, surroundings, async () => {
    const target = await chooseTarget(flags, surroundings);
    await sayWhatIsLeft(target.project, surroundings);
    const scope = typed ?? (await configuredAgent(target, flags, surroundings));
    const asking: Asking = { target, scope, etag: null, last: null };
    return flags.watch === true ? watch(asking, format, surroundings) : once(asking, format, surroundings);
  });
}

async function once(asking: Asking, format: Format, surroundings: Surroundings): Promise<ExitCode> {
  const { signal, stdout } = surroundings;
  try {
    const seen = await askStatus(asking, signal);
    stdout.write(format === "json" ? jsonLine(seen) : `${statusLines(seen).join("\n")}\n`);
    return seen.exitCode;
  } catch (error) {
    throw unknown(error);
  }
}

/** A switch that refuses to tell leaves it as unknown as one that is silent. */
function unknown(error: unknown): unknown {
  if (!(error instanceof SwitchProblem) || error.kind === "unanswered") return error;
  return new SwitchProblem("unanswered", error.message, error.status);
}

/** Prints the state whenever it changes, until it is interrupted. */
async function watch(asking: Asking, format: Format, { signal, stdout, clock }: Surroundings): Promise<ExitCode> {
  let said = "";
  await everySo(EVERY_MS, signal, async () => {
    const { key, status: seen, text } = await look(asking, signal);
    if (key === said || signal.aborted) return;
    said = key;
    const at = new Date(clock.now()).toISOString();
    stdout.write(format === "json" ? jsonLine({ at, ...seen }) : `${localTime(at)}  ${text}\n`);
  });
  return 130;
}

async function look(
  asking: Asking,
  signal: AbortSignal,
): Promise<{ key: string; status: Status | { error: string; exitCode: typeof UNKNOWN }; text: string }> {
  try {
    const seen = await askStatus(asking, signal);
    const text = statusLines(seen).join("\n  ");
    return { key: text, status: seen, text };
  } catch (error) {
    if (!(error instanceof SwitchProblem)) throw error;
    const { message } = error;
    return { key: message, status: { error: message, exitCode: UNKNOWN }, text: `unknown: ${printable(message)}` };
  }
}
