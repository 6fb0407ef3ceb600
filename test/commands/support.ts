import { PassThrough } from "node:stream";
import type { Output, Surroundings } from "../../src/commands/surroundings.ts";
import { systemClock } from "../../src/values/clock.ts";

/** An output that keeps what was written. */
export class Kept implements Output {
  text = "";
  isTTY?: boolean;
  columns?: number;
  constructor(terminal?: { columns: number }) {
    if (terminal) [this.isTTY, this.columns] = [true, terminal.columns];
  }
  write(text: string): void {
    this.text += text;
  }
}

export interface KeptSurroundings extends Surroundings {
  stdin: PassThrough & { isTTY?: boolean };
  stdout: Kept;
  stderr: Kept;
}

export function surroundingsOf(argv: string[], overrides: Partial<KeptSurroundings> = {}): KeptSurroundings {
  return {
    argv,
    cwd: "/",
    env: {},
    stdin: new PassThrough(),
    stdout: new Kept(),
    stderr: new Kept(),
    signal: new AbortController().signal,
    clock: systemClock,
    version: "0.1.0",
    ...overrides,
  };
}
