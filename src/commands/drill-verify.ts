import type { ExitCode } from "../audit/report.ts";
import type { Surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

export interface DrillVerifyFlags {
  config?: string;
  env?: string;
  format: string;
}

export async function drillVerify(
  _file: string,
  _flags: DrillVerifyFlags,
  _surroundings: Surroundings,
): Promise<ExitCode> {
  throw new UsageError("this is not there yet");
}
