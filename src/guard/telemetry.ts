import type * as Api from "@opentelemetry/api";
import type { Mode } from "../switch/protocol/mode.ts";

/** Where the API keeps what was registered (opentelemetry-js-api, internal/global-utils): nothing there, nobody listens. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");
const MODES: Record<Mode, number> = { running: 0, "read-only": 1, stopped: 2 };

export interface TelemetrySource {
  agent: string;
  version: string | undefined;
  mode(): Mode;
  breakerIsOpen(): boolean;
}

/** `done`, `failed`, or the reason of a refusal. */
export type Outcome = string;

/**
 * OpenTelemetry, where the agent has registered it: the active span's trace, a counter `clawproof.actions` and gauges
 * `clawproof.mode` (0 running, 1 read-only, 2 stopped) and `clawproof.breaker.open`. Where nothing is registered, nothing is loaded.
 */
export class Telemetry {
  readonly #source: TelemetrySource;
  #api: typeof Api | null = null;
  #counter: Api.Counter | null = null;
  #loading = false;
  #closed = false;
  #undo: (() => void) | null = null;

  constructor(source: TelemetrySource) {
    this.#source = source;
    this.look();
  }

  /** Whether spans or counters are taken: the hot path asks nothing else. */
  get isActive(): boolean {
    return this.#api !== null;
  }

  /** Looks whether something was registered since; agents register before or after they make a guard. */
  look(): void {
    if (this.#loading || !(REGISTERED in globalThis)) return;
    this.#loading = true;
    void import("@opentelemetry/api").then((api) => this.#begin(api));
  }

  /** The trace of the active span; undefined where there is none. */
  traceId(): string | undefined {
    const context = this.#api?.trace.getActiveSpan()?.spanContext();
    return context && this.#api?.isSpanContextValid(context) ? context.traceId : undefined;
  }

  count(type: string, outcome: Outcome, drill: boolean): void {
    this.#counter?.add(1, { agent: this.#source.agent, type, outcome, drill });
  }

  close(): void {
    this.#closed = true;
    this.#undo?.();
    this.#api = null;
    this.#counter = null;
  }

  #begin(api: typeof Api): void {
    // It took a moment to load.
    if (this.#closed) return;
    const { agent, version } = this.#source;
    const meter = api.metrics.getMeter("clawproof", version);
    this.#counter = meter.createCounter("clawproof.actions", {
      description: "Guarded actions, by type and outcome",
    });
    const mode = meter.createObservableGauge("clawproof.mode", {
      description: "What the agent may do: 0 everything, 1 read only, 2 nothing",
    });
    const open = meter.createObservableGauge("clawproof.breaker.open", {
      description: "Whether the circuit breaker holds writes",
    });
    const observeMode: Api.ObservableCallback = (result) => result.observe(MODES[this.#source.mode()], { agent });
    const observeOpen: Api.ObservableCallback = (result) =>
      result.observe(this.#source.breakerIsOpen() ? 1 : 0, { agent });
    mode.addCallback(observeMode);
    open.addCallback(observeOpen);
    this.#undo = () => {
      mode.removeCallback(observeMode);
      open.removeCallback(observeOpen);
    };
    this.#api = api;
  }
}
