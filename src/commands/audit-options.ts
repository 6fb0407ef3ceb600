import { FAIL_ON, type FailOn } from "../audit/exit.ts";
import type { TerminalOptions } from "../report/terminal.ts";
import { checkActOn, type Mode } from "./consent.ts";
import { type Format, type OutputFile, parseFormat, parseOutput } from "./formats.ts";
import { UsageError } from "./usage-error.ts";

/** The audit's options as they stand on the command line. */
export interface AuditFlags {
  check: string[];
  config?: string;
  env?: string;
  dryRun?: boolean;
  offline?: boolean;
  readOnly?: boolean;
  actOn?: string;
  by?: string;
  format: string;
  output: string[];
  failOn: string;
  verbose?: boolean;
  quiet?: boolean;
  color: boolean;
}

/** The audit's options, understood. */
export interface AuditOptions {
  checks: string[];
  config: string | undefined;
  environment: string | undefined;
  dryRun: boolean;
  mode: Mode;
  actOn: string | undefined;
  by: string | undefined;
  format: Format;
  outputs: OutputFile[];
  failOn: FailOn;
  detail: TerminalOptions["detail"];
  colour: boolean;
}

/** Understands the options of the audit. Throws UsageError. */
export function readAuditFlags(flags: AuditFlags): AuditOptions {
  const failOn = FAIL_ON.find((known) => known === flags.failOn);
  if (failOn === undefined) throw new UsageError(`--fail-on takes ${FAIL_ON.join(", ")}, not "${flags.failOn}"`);
  checkActOn(flags.actOn, flags.env);
  const format = parseFormat(flags.format);
  const outputs = flags.output.map(parseOutput);
  if (flags.dryRun && (format !== "terminal" || outputs.length > 0)) {
    throw new UsageError("--dry-run has the terminal form only");
  }
  return {
    checks: flags.check,
    config: flags.config,
    environment: flags.env,
    dryRun: flags.dryRun === true,
    mode: flags.offline ? "offline" : flags.readOnly ? "read-only" : "full",
    actOn: flags.actOn,
    by: flags.by,
    format,
    outputs,
    failOn,
    detail: flags.verbose ? "verbose" : flags.quiet ? "quiet" : "normal",
    colour: flags.color,
  };
}
