import { resolve } from "node:path";
import type { ExitCode } from "../audit/report.ts";
import { parseListen, LISTEN_FORMS } from "../config/listening.ts";
import { loadSwitchConfig, type SwitchProject } from "../config/switch-config.ts";
import type { Surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

export interface ServeFlags {
  config?: string;
  listen?: string;
  data?: string;
  backup?: string;
}

const DEFAULT_DATA = "clawproof-switch.db";

/** Runs the kill switch service until it is told to end, or copies the data file of one that runs. */
export async function serve(flags: ServeFlags, surroundings: Surroundings): Promise<ExitCode> {
  const { cwd, env, stdout, stderr } = surroundings;
  const project = await loadSwitchConfig({ file: flags.config ?? null, cwd, env });
  const dataFile = dataFileOf(flags, project, cwd);
  if (flags.backup !== undefined) return backUp(dataFile, resolve(cwd, flags.backup), flags, surroundings);
  const { settings, context } = project;
  const address = flags.listen === undefined ? settings.listen : parseListen(flags.listen);
  if (address === null) throw new UsageError(`--listen ${flags.listen ?? ""}: expected ${LISTEN_FORMS}`);

  const [{ openService }, { checkListen, listen, NotListening }, { DataFileRefused }, { NotDurable }] =
    await Promise.all([
      import("../switch/service/service.ts"),
      import("../switch/service/listener.ts"),
      import("../switch/service/data-file.ts"),
      import("../switch/service/store.ts"),
    ]);
  const log = (event: string, more: Record<string, unknown> = {}): void => {
    const line = JSON.stringify({ at: new Date(surroundings.clock.now()).toISOString(), event, ...more });
    stderr.write(`${context.secrets.redact(line)}\n`);
  };
  surroundings.onSignal = (again) => log(again ? "still ending" : "ending");
  try {
    const { name, leaseMs, alerts, publicUrl, tls, behindProxy } = settings;
    const where = { listen: address, tls, behindProxy };
    checkListen(where);
    const options = { name, dataFile, leaseMs, alerts, context, publicUrl, host: address.host, log };
    const service = await openService({ ...options, clock: surroundings.clock });
    // Said first: whether it can listen or not, it is not said again.
    if (service.operatorToken !== null) stdout.write(`operator token: ${service.operatorToken}\n`);
    try {
      const listening = await listen(service, where);
      stdout.write(`listening on ${listening.url}\n`);
      await ended(surroundings.signal);
      service.events.close();
      await listening.close();
    } finally {
      await service.close();
    }
    return 0;
  } catch (error) {
    if (error instanceof NotListening || error instanceof DataFileRefused) throw new UsageError(error.message);
    if (error instanceof NotDurable)
      throw new UsageError(`${dataFile} cannot be written (${error.message}): make room, then start again`);
    throw error;
  }
}

function dataFileOf({ data }: ServeFlags, { settings }: SwitchProject, cwd: string): string {
  return data === undefined ? (settings.data ?? resolve(cwd, DEFAULT_DATA)) : resolve(cwd, data);
}

async function backUp(dataFile: string, to: string, flags: ServeFlags, { stderr }: Surroundings): Promise<ExitCode> {
  if (flags.listen !== undefined) throw new UsageError("--backup copies and ends; it does not listen");
  const { backUpDataFile, BackupFailed } = await import("../switch/service/backup.ts");
  try {
    const { entries } = await backUpDataFile(dataFile, to);
    stderr.write(`backed up ${entries} entries of the log to ${to}\n`);
    return 0;
  } catch (error) {
    if (error instanceof BackupFailed) throw new UsageError(error.message);
    throw error;
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
