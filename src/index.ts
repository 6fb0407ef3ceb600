/** What agents import: `import { createGuard } from "clawproof"`. */
export { createGuard } from "./guard/guard.ts";
export type { Checked, Guard, GuardedType, SavedGuard } from "./guard/guard-types.ts";
export type { ActionDefinition, CallOptions, Effect, GuardedAction } from "./guard/action-types.ts";
export { neverSeen, zScore } from "./guard/breaker/anomaly.ts";
export type { BreakerOptions } from "./guard/breaker/settings.ts";
export type { RefusalReason, WhenLost } from "./guard/decide.ts";
export type { Fallback, FallbackAsked } from "./guard/fallback.ts";
export type { GuardOptions, KillSwitchOptions, Notice } from "./guard/options.ts";
export { ActionRefused, type RefusedResult } from "./guard/refusal.ts";
export type { ActionContext, ObservedAction } from "./guard/running.ts";
export type { GuardState } from "./guard/state.ts";
export type { LedgerSettings } from "./guard/recording.ts";
export type { ActionRecord, ActionUndo, UndoFunction } from "./guard/undo-types.ts";
export type { LeftAction, RolledBack } from "./rollback/of-guard.ts";
