/**
 * Every gatherer, loaded together when the first is wanted: one file of the bundle starts quicker than ten, and what is
 * heavy (undici, execa, the drivers) each of them loads by itself.
 */
export { gatherActions } from "../evidence/actions.ts";
export { gatherBreaker } from "../evidence/breaker.ts";
export { gatherCanary } from "../evidence/canary.ts";
export { gatherDrills } from "../evidence/drills.ts";
export { gatherFallback } from "../evidence/fallback.ts";
export { gatherKillSwitch } from "../evidence/kill-switch.ts";
export { gatherRecords } from "../evidence/records.ts";
export { gatherBreakerRehearsal, gatherRehearsal } from "../rehearsal/gather.ts";
export { gatherScript } from "../evidence/script.ts";
export { sayLeftovers } from "../rehearsal/leftover-words.ts";
export { recoverLeftovers } from "../rehearsal/leftovers.ts";
