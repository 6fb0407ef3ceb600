import type { Switch } from "./switch.ts";

export interface Counted {
  killSwitch: Switch;
  /** Event streams that are open. */
  streams: number;
  /** Alerts that wait to be delivered. */
  alertsPending: number;
}

/** Prometheus' text form. Names of agents and instances are for who has signed in. */
export function metricsText({ killSwitch, streams, alertsPending }: Counted, withNames: boolean): string {
  const { standing, fleet, store, durable } = killSwitch;
  const counts = fleet.counts(standing);
  const states = ["obeyed", "pending", "silent"] as const;
  const modes = ["stopped", "read-only"] as const;
  const real = standing.orders.filter(({ scope }) => !scope.startsWith("drill/"));
  const lines = [
    ...gauge("clawproof_switch_epoch", "number of the newest order", [["", standing.epoch]]),
    ...gauge("clawproof_switch_log_entries", "entries of the log", [["", store.head.seq]]),
    ...gauge("clawproof_switch_durable", "1 where everything in force is on the disk", [["", durable ? 1 : 0]]),
    ...gauge("clawproof_switch_event_streams", "clients that follow the events", [["", streams]]),
    ...gauge("clawproof_switch_alerts_pending", "alerts that wait to be delivered", [["", alertsPending]]),
    ...gauge(
      "clawproof_switch_orders",
      "orders in force, drills left out",
      modes.map((mode) => [`{mode="${mode}"}`, real.filter((order) => order.mode === mode).length]),
    ),
    ...gauge(
      "clawproof_switch_instances",
      "instances by whether they obey",
      states.map((state) => [`{state="${state}"}`, counts[state]]),
    ),
  ];
  if (withNames) {
    const each = fleet
      .instances(standing)
      .map(({ agent, instance, state }): [string, number] => [
        `{agent=${label(agent)},instance=${label(instance)}}`,
        state === "obeyed" ? 1 : 0,
      ]);
    lines.push(...gauge("clawproof_switch_instance_obeys", "1 where the instance obeys", each));
  }
  return `${lines.join("\n")}\n`;
}

function gauge(name: string, help: string, values: readonly (readonly [string, number])[]): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...values.map(([labels, value]) => `${name}${labels} ${value}`),
  ];
}

function label(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
