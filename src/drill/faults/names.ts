/** The faults that a drill may be held under (contract, section 7). */
export const FAULTS = ["agent-frozen", "agent-killed", "switch-down", "switch-slow"] as const;
export type FaultName = (typeof FAULTS)[number];
