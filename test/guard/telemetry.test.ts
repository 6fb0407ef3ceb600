import { context, metrics, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { expect, it, vi } from "vitest";
import { Telemetry } from "../../src/guard/telemetry.ts";
import { afterThisTest } from "../support/ending.ts";
import { handGuard } from "./support.ts";

const AGENT = "told";
const SOURCE = { agent: "support", version: "1", mode: () => "running" as const, breakerIsOpen: () => false };

it("loads nothing where nothing is registered", async () => {
  const telemetry = new Telemetry(SOURCE);
  // As long as loading it takes where it is loaded.
  await import("@opentelemetry/api");
  telemetry.look();
  expect([telemetry.isActive, telemetry.traceId()]).toEqual([false, undefined]);
});

it("takes the active span's trace, and counts what was done", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  trace.setGlobalTracerProvider(new BasicTracerProvider());
  metrics.setGlobalMeterProvider(meters);
  afterThisTest(async () => {
    for (const api of [context, trace, metrics]) api.disable();
    await meters.shutdown();
  });

  // Guards that other tests left behind find what is registered as well.
  const { guard, client } = handGuard({ agent: AGENT });
  client.beat();
  const tell = guard.action("tell", { run: (_input: null, { trace: own }) => own });
  const tracer = trace.getTracer("test");
  await vi.waitFor(async () => {
    await tracer.startActiveSpan("request", async (span) => {
      expect(await tell(null, { trace: "given" })).toBe(span.spanContext().traceId);
      span.end();
    });
  });
  // Where no span is active, what was given counts.
  expect(await tell(null, { trace: "given" })).toBe("given");
  client.order({ scope: AGENT });
  await tell(null).catch(() => undefined);

  await meters.forceFlush();
  const read = new Map(
    exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
      .map(({ descriptor, dataPoints }) => [
        descriptor.name,
        dataPoints.filter(({ attributes }) => attributes["agent"] === AGENT),
      ]),
  );
  const actions = read.get("clawproof.actions");
  const outcomes = actions?.map(({ attributes, value }) => [attributes["outcome"], attributes["type"], value]);
  expect(outcomes).toContainEqual(["stopped", "tell", 1]);
  expect(outcomes?.find(([outcome]) => outcome === "done")?.[2]).toBeGreaterThanOrEqual(2);
  expect(read.get("clawproof.mode")?.map(({ value }) => value)).toEqual([2]);
  expect(read.get("clawproof.breaker.open")?.map(({ value }) => value)).toEqual([0]);
});
