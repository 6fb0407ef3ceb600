import { SwitchClient } from "../switch/client/client.ts";
import { type Clock, systemClock } from "../values/clock.ts";
import { recordedAction } from "./recorded-action.ts";
import { checkLedger, Recordings } from "./recording.ts";
import { type ReadUndo, readUndo } from "./undo-form.ts";
import type { UndoFunction } from "./undo-types.ts";
import { guardedAction } from "./action.ts";
import { ActionGate } from "./action-gate.ts";
import type { ActionDefinition } from "./action-types.ts";
import { Breakers } from "./breakers.ts";
import { readBreakerSettings } from "./breaker/settings.ts";
import { Core } from "./core.ts";
import { acceptedLocales, fallbackText } from "./fallback.ts";
import type { Guard, GuardedType } from "./guard-types.ts";
import { checkDefinition } from "./definition.ts";
import { shown } from "./given.ts";
import { handlerOf } from "./handler.ts";
import { consoleNotice, heardBy, noticeOfSwitch } from "./notices.ts";
import { checkName, type GuardOptions, type GuardSettings, type Notice, readDuration, readOptions } from "./options.ts";
import { ActionRefused, refusalResponse } from "./refusal.ts";
import { stateOf } from "./state.ts";

const READY_TIMEOUT_MS = 10_000;

/** What a guard hears of the switch. */
export type GuardClient = Pick<SwitchClient, "view" | "lease" | "onChange" | "reportSoon" | "trip" | "start" | "close">;

/** What a guard rests on. */
export interface Ground {
  clock: Clock;
  /** The switch's client; null where no switch holds the agent. */
  connect: (settings: GuardSettings, told: Told, notice: (notice: Notice) => void) => GuardClient | null;
}

/** What the switch is told of this instance. */
export interface Told {
  running: () => Record<string, number>;
  counts: () => Record<string, number>;
}

/** Makes the guard of an agent. Throws TypeError for options that cannot be meant. */
export function createGuard(options: GuardOptions): Guard {
  return guardOn({ clock: systemClock, connect }, options);
}

/** A guard on a ground of its own: another clock, another way to hear the switch. */
export function guardOn({ clock, connect }: Ground, options: GuardOptions): Guard {
  const settings = readOptions(options);
  const breakerSettings = readBreakerSettings(options.breaker);
  if (options.ledger !== undefined) checkLedger(options.ledger);
  const notice = options.onNotice === undefined ? consoleNotice : heardBy(options.onNotice);
  const told = { running: () => core.forbidden(), counts: () => ({ ...core.counts }) };
  const client = connect(settings, told, notice);
  const breakers = new Breakers({
    agent: settings.agent,
    clock,
    notice,
    client,
    restore: options.restore,
  });
  const core: Core = new Core({ settings, breakerSettings, breakers, client, notice, clock });
  const anomaly = options.breaker?.anomaly;
  const registered = new Map<string, GuardedType>();
  const undoFunctions = new Map<string, UndoFunction>();
  const recordings =
    options.ledger === undefined
      ? null
      : new Recordings(options.ledger, {
          ...{ agent: settings.agent, version: settings.version, notice },
          keepMs: options.ledger.keep === undefined ? null : readDuration("ledger.keep", options.ledger.keep, 0),
        });
  let closing: Promise<void> | null = null;
  client?.start();

  return {
    action<Input, Result>(type: string, definition: ActionDefinition<Input, Result>) {
      checkName("the type of an action", type);
      if (registered.has(type)) throw new TypeError(`the action ${type} is guarded already`);
      checkDefinition(type, definition as ActionDefinition<never, unknown>);
      const { effect = "write", finish = false, target, subject, breaker: own } = definition;
      const undo = readUndo(type, definition.undo);
      if (recordings !== null && effect === "write") checkJoins(type, definition, undo);
      const typeSettings = own === true ? breakerSettings : own && readBreakerSettings(own);
      const lanes = core.register(type, effect === "write", typeSettings ? breakers.add(typeSettings, type) : null);
      registered.set(type, { type, effect, undo: undo.class });
      if (undo.run !== null) undoFunctions.set(type, undo.run);
      const typeAnomaly = own === true ? anomaly : own?.anomaly;
      const kind = { type, effect, finish, target, subject };
      const gate = new ActionGate({ core, lanes, kind, anomaly, typeAnomaly });
      const awaited = definition as ActionDefinition<Input, Awaited<Result>>;
      if (recordings === null || effect === "read") return guardedAction<Input, Awaited<Result>>(gate, awaited.run);
      return recordedAction<Input, Awaited<Result>>(gate, awaited, undo, recordings);
    },

    check(type, options) {
      const lane = core.lane(type, options?.drill === true);
      const reason = core.ask(lane, options?.effect === undefined ? lane.isWrite : options.effect !== "read");
      if (reason === null) return { allowed: true, mode: lane.mode, reason, fallback: null };
      const locales = options?.locale === undefined ? [] : [options.locale];
      const fallback = fallbackText(settings.fallback, { type, reason, locales });
      return { allowed: false, mode: core.modeOf(lane), reason, fallback };
    },

    get signal() {
      return core.stopping.signal;
    },

    get stopped() {
      return core.stopping.stopped;
    },

    async ready({ timeout } = {}) {
      await core.ready(readDuration("timeout", timeout, READY_TIMEOUT_MS));
      await recordings?.ledger();
    },

    state: () => stateOf(core),
    actions: () => [...registered.values()],

    refusal(error, request) {
      if (!(error instanceof ActionRefused)) throw error;
      const { type, reason } = error;
      const locales = acceptedLocales(request?.headers.get("accept-language") ?? null);
      return refusalResponse(error, fallbackText(settings.fallback, { type, reason, locales }));
    },

    handler: (handlerOptions = {}) => handlerOf(core, handlerOptions),

    resume({ by, reason }) {
      if (client !== null) {
        throw new Error(
          "a kill switch holds this agent: release its order there (clawproof release), which says who and why",
        );
      }
      if (!isWords(by) || !isWords(reason)) throw new TypeError("resume needs by and reason");
      notice({ level: "info", code: "resumed", message: `${by} lets ${settings.agent} try writes again: ${reason}` });
      breakers.approve();
    },

    save: () => breakers.save(),
    undoHandlers: () => undoFunctions,

    async rollback({ trace, base, signal }) {
      // Nothing would be found, and that reads as if nothing were left to take back.
      if (typeof trace !== "string" || trace === "") throw new TypeError(`rollback needs a trace, not ${shown(trace)}`);
      if (recordings === null)
        throw new Error("there is no ledger: createGuard({ ledger }) records what undoing needs");
      const [{ rollbackOfGuard }, ledger] = await Promise.all([import("../rollback/of-guard.ts"), recordings.ledger()]);
      return rollbackOfGuard({
        ...{ ledger, trace, base, signal, agent: settings.agent, functions: undoFunctions, owner: settings.instance },
        databaseOf: (url) => recordings.databaseOf(url),
        now: clock.now(),
      });
    },

    close() {
      // Once, whoever asks: a signal handler and the end of main often do both.
      closing ??= (async () => {
        core.close();
        await client?.close();
        await recordings?.close();
      })();
      return closing;
    },
  };
}

/** Another connection sees nothing of a transaction before it is committed, so `sql` cannot read the rows itself. */
function checkJoins<Input, Result>(type: string, definition: ActionDefinition<Input, Result>, undo: ReadUndo): void {
  const { joins = false, before, after } = definition;
  if (!joins || undo.sql === null || (before !== undefined && after !== undefined)) return;
  throw new TypeError(`${type} joins transactions: with undo.sql it needs before and after, which give its row`);
}

function isWords(given: unknown): given is string {
  return typeof given === "string" && given.trim() !== "";
}

function connect(
  { agent, version, instance, leaseMs, killSwitch }: GuardSettings,
  told: Told,
  notice: (notice: Notice) => void,
): SwitchClient | null {
  if (killSwitch === null) return null;
  return new SwitchClient({
    ...killSwitch,
    ...told,
    agent,
    version,
    instance,
    leaseMs,
    notice: (said) => notice(noticeOfSwitch(said)),
  });
}
