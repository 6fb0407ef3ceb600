import type { ExitCode } from "../audit/report.ts";
import type { Surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

export interface DrillLogFlags {
  config?: string;
  env?: string;
  format: string;
}

export async function drillLog(_flags: DrillLogFlags, _surroundings: Surroundings): Promise<ExitCode> {
  throw new UsageError("this is not there yet");
}
