import type { ExitCode } from "../audit/report.ts";
import type { Surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

export interface RemindFlags {
  config?: string;
  env?: string;
  format: string;
}

export async function remind(_flags: RemindFlags, _surroundings: Surroundings): Promise<ExitCode> {
  throw new UsageError("this is not there yet");
}
