import * as z from "zod";
import { call, callVariation, callWith, commandCall, readCall, source } from "./call.ts";
import {
  agentName,
  day,
  duration,
  json,
  literalText,
  NAME,
  percent,
  pointer,
  reading,
  secretName,
} from "./primitives.ts";
import { alertRoute, fillable, httpSection, isServiceUrl, secretsSection } from "./shared-sections.ts";
import type { OwnSwitch } from "./own-switch.ts";
import { parseScope, SCOPE_FORMS } from "../switch/protocol/scope.ts";

/**
 * clawproof.yaml, version 1 (contract, section 3). The published JSON Schema is generated from here
 * (`npm run schema`), and so are the types.
 */

const actionType = z.string().regex(NAME, "expected the name of a tool: letters, digits, '.', '_' and '-'");

const action = z.strictObject({
  type: actionType,
  effect: z.enum(["read", "write"]).default("write"),
  irreversible: literalText.min(1).optional(),
});

const writeProbe = callWith({ state: readCall.optional() });

const probes = z.strictObject({
  read: call.optional(),
  write: call.optional(),
  user: call.optional(),
  instance: z.union([z.strictObject({ header: literalText.min(1) }), z.strictObject({ at: pointer })]).optional(),
  run: call.optional(),
  sink: readCall.optional(),
  writes: z.record(actionType, writeProbe).optional(),
});

const agent = z.strictObject({
  name: agentName,
  version: literalText.optional(),
  url: literalText.min(1).optional(),
  credentials: z.array(secretName).optional(),
  actions: z.array(action).optional(),
  inventory: z.array(source).optional(),
  instances: z.union([z.int().min(1).max(10_000), source]).optional(),
  probes: probes.optional(),
});

const statusCall = callWith({ stopped: reading });
const logCall = callWith({
  entries: pointer.optional(),
  fields: z.strictObject({
    at: reading.optional(),
    by: reading.optional(),
    reason: reading.optional(),
    scope: reading.optional(),
  }),
});

const switchRehearsal = z.strictObject({
  scope: literalText.min(1).optional(),
  samples: z.int().min(1).max(20).default(1),
  every: duration.optional(),
  exclusive: z.boolean().default(false),
  status: statusCall.optional(),
  activate: call.optional(),
  release: call.optional(),
  log: logCall.optional(),
});

const stopKind = z.enum(["deny", "abort", "terminate", "revoke", "contain"]);

const foreignSwitch = z.strictObject({
  credentials: z.array(secretName).optional(),
  kind: stopKind.optional(),
  status: statusCall,
  activate: call,
  release: call.optional(),
  log: logCall.optional(),
  releaseAsAgent: callVariation.optional(),
  restart: call.optional(),
  rehearse: switchRehearsal.optional(),
});

const ownRehearsal = z.strictObject({
  scope: literalText.refine((text) => parseScope(text) !== null, `expected a scope: ${SCOPE_FORMS}`).optional(),
  samples: switchRehearsal.shape.samples,
  every: switchRehearsal.shape.every,
  exclusive: switchRehearsal.shape.exclusive,
});

/** Its calls follow from url and token (own-switch.ts). */
const ownSwitch = z.strictObject({
  provider: z.literal("clawproof"),
  url: fillable(isServiceUrl, "expected the address of the kill switch, such as https://stop.example.net"),
  token: literalText.min(1),
  credentials: z.array(secretName).optional(),
  releaseAsAgent: callVariation.optional(),
  restart: call.optional(),
  rehearse: ownRehearsal.optional(),
});

const breakerFigure = z.enum([
  "errorRatePct",
  "anomalyRatePct",
  "volumeSpikeFactor",
  "window",
  "cooldown",
  "minimumSamples",
  "consecutiveFailures",
  "enabled",
]);

const breaker = z.strictObject({
  settings: source.optional(),
  keys: z.partialRecord(breakerFigure, literalText.min(1)).optional(),
  unit: z.enum(["percent", "fraction"]).optional(),
  declared: z.record(z.string(), json).optional(),
  rehearse: z.strictObject({ scope: literalText.min(1).optional(), open: call, close: call }).optional(),
});

const requirement = z.enum(["trace", "previous", "reference", "at"]);

const recordsTable = z.strictObject({
  database: literalText.min(1),
  table: literalText.min(1).optional(),
  query: literalText.min(1).optional(),
  columns: z.strictObject({
    trace: literalText.min(1).optional(),
    type: literalText.min(1).optional(),
    previous: literalText.min(1).optional(),
    reference: literalText.min(1).optional(),
    at: literalText.min(1).optional(),
  }),
  where: literalText.min(1).optional(),
  types: z.record(actionType, z.literal("all")).optional(),
  require: z.record(actionType, z.array(requirement).min(1)).optional(),
});

const script = z.strictObject({
  run: z.array(literalText).min(1),
  types: z.array(literalText).optional(),
  trace: z.array(literalText).optional(),
  window: z.array(literalText).optional(),
  dryRun: z.array(literalText).optional(),
  timeout: duration.optional(),
  rehearse: z.strictObject({ trace: z.enum(["probe", "recent"]) }).optional(),
});

/** What tells the target's state: a request, a command, or a function of a module. */
const stateCall = z.union([readCall, z.strictObject({ module: literalText.min(1) })]);
const undoState = { state: stateCall.optional(), idempotent: z.boolean().optional(), residue: literalText.optional() };
/** How actions of a type are taken back; the ledger keeps the same form for an agent's own `undo` given as data. */
export const undo = z.union([
  z.strictObject({
    sql: z.strictObject({
      database: literalText.min(1),
      table: literalText.min(1),
      key: z.array(literalText).min(1),
      ignore: z.array(literalText).optional(),
    }),
    residue: literalText.optional(),
  }),
  z.strictObject({ http: call, ...undoState }),
  z.strictObject({ module: literalText.min(1), ...undoState }),
  z.strictObject({ command: z.array(literalText).min(1), ...undoState }),
  z.strictObject({ irreversible: literalText.min(1) }),
]);

const rollback = z.strictObject({
  records: z.union([recordsTable, z.array(recordsTable).min(1)]).optional(),
  script: script.optional(),
  ledger: literalText.min(1).optional(),
  guard: literalText.min(1).optional(),
  undo: z.record(actionType, undo).optional(),
});

const alerting = z.strictObject({
  receipts: callWith({ within: duration.optional() }).optional(),
  routes: z.array(alertRoute).optional(),
});

/** What starts it again once it was killed: a command, or somebody else who sees that it is gone. */
const faultRestart = z.union([z.literal("supervisor"), commandCall]).optional();

/** Commands alone: a guardian without any of our settings undoes them should the drill die. */
const processFault = z.union([
  z.strictObject({ pidFile: literalText.min(1), restart: faultRestart }),
  z.strictObject({
    freeze: commandCall.optional(),
    thaw: commandCall.optional(),
    kill: commandCall.optional(),
    restart: faultRestart,
  }),
]);

const drills = z.strictObject({
  log: source.optional(),
  store: z.literal("switch").optional(),
  every: duration.optional(),
  undoWithin: duration.optional(),
  keys: z.array(source).optional(),
  faults: z.strictObject({ agent: processFault.optional(), switch: processFault.optional() }).optional(),
});

const policy = z.strictObject({
  stopWithin: duration.optional(),
  errorRatePct: percent.optional(),
  anomalyRatePct: percent.optional(),
  window: duration.optional(),
  canaryPercent: percent.optional(),
  drillEvery: duration.optional(),
});

const waiver = z.strictObject({
  check: literalText.min(1),
  reason: literalText.min(1),
  owner: literalText.min(1),
  until: day,
});

/** What an environment's block may lay over the rest; `version` and `environments` stay outside. */
const sections = {
  agent,
  killSwitch: z.union([foreignSwitch, ownSwitch]).optional(),
  breaker: breaker.optional(),
  rollback: rollback.optional(),
  canary: z.strictObject({ manifest: source, resource: literalText.min(1).optional() }).optional(),
  fallback: z.strictObject({ template: source }).optional(),
  alerting: alerting.optional(),
  drills: drills.optional(),
  policy: policy.optional(),
  waivers: z.array(waiver).optional(),
  secrets: secretsSection.optional(),
  http: httpSection.optional(),
  bench: z.boolean().optional(),
};

export const configSchema = z.strictObject({ version: z.literal(1), ...sections });

/** As it is written, with defaults. */
export type WrittenConfig = z.infer<typeof configSchema>;
/** What everything else works with: a switch of ours is expanded to the calls that it answers. */
export type Config = Omit<WrittenConfig, "killSwitch"> & { killSwitch?: ForeignSwitch | OwnSwitch | undefined };
export type WrittenOwnSwitch = z.infer<typeof ownSwitch>;
export type ConfigInput = z.input<typeof configSchema>;
export type ForeignSwitch = z.infer<typeof foreignSwitch>;
export type Probes = z.infer<typeof probes>;
export type WriteProbe = z.infer<typeof writeProbe>;
export type RecordsTable = z.infer<typeof recordsTable>;
export type Script = z.infer<typeof script>;
export type Undo = z.infer<typeof undo>;
export type StateCall = z.infer<typeof stateCall>;
export type LogCall = z.infer<typeof logCall>;
export type ProcessFault = z.infer<typeof processFault>;
export type Waiver = z.infer<typeof waiver>;
export type { HttpSettings } from "./shared-sections.ts";
