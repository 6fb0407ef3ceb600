/** What an agent may do: everything, reads only, or nothing. */
export type Mode = "running" | "read-only" | "stopped";

/** How much each mode forbids. */
const STRICTNESS: Readonly<Record<Mode, number>> = { running: 0, "read-only": 1, stopped: 2 };

/** Whether the first mode forbids less than the second. */
export function isLooser(one: Mode, other: Mode): boolean {
  return STRICTNESS[one] < STRICTNESS[other];
}

/** The mode that forbids most; `running` of none. */
export function strictest(modes: readonly Mode[]): Mode {
  return modes.reduce<Mode>((held, mode) => (isLooser(held, mode) ? mode : held), "running");
}
