import rollbackKillSwitches from "../../checks/05-rollback-kill-switches/index.ts";
import type { Suite } from "./check.ts";

/** Every suite there is, in the order of their reports. */
export const SUITES: readonly Suite[] = [rollbackKillSwitches];
