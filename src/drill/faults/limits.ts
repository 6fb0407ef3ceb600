/** The figures of faults, in milliseconds. All are ours. */
export interface FaultLimits {
  /** A target that answers within this was not frozen. As long as a probe is waited for. */
  silence: number;
  /** The switch answers within this while the agent is gone: as long as `clawproof kill` waits for it. */
  answer: number;
  /** A slow switch is stopped for so long … */
  pulseStopped: number;
  /** … and runs for so long, again and again. */
  pulseRunning: number;
  /** What the guardian waits beyond the time that a fault may take. */
  spare: number;
  /** A killed process is gone within this. */
  gone: number;
}

export const FAULT_LIMITS: FaultLimits = {
  silence: 2_000,
  answer: 5_000,
  pulseStopped: 400,
  pulseRunning: 100,
  spare: 30_000,
  gone: 2_000,
};
