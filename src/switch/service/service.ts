import type { Hono } from "hono";
import { newsId, newsLink, testNews } from "../../alerts/news.ts";
import type { AlertRoute } from "../../alerts/route.ts";
import type { CallContext } from "../../doors/door.ts";
import { type Clock, systemClock } from "../../values/clock.ts";
import { Answers } from "./answers.ts";
import { type App, createApp } from "./app.ts";
import { Attempts } from "./attempts.ts";
import type { OpenDataFile } from "./data-file.ts";
import { SERVICE } from "./entry.ts";
import { Events } from "./events.ts";
import { Gate } from "./gate.ts";
import { type BareNews, newsOfRefusal } from "./order-news.ts";
import { type DeliveryNote, Outbox, OUTBOX_SQL } from "./outbox.ts";
import { Sessions } from "./page/sessions.ts";
import { NotDurable, Store } from "./store.ts";
import { Switch } from "./switch.ts";
import { Tokens } from "./tokens.ts";

export interface ServiceOptions {
  name: string;
  dataFile: string;
  leaseMs: number;
  alerts: readonly AlertRoute[];
  /** In which alerts are sent. */
  context: CallContext;
  publicUrl: string | null;
  /** Name or address that the service listens on. */
  host: string;
  /** A line of the operator's log; never a secret. */
  log?: (event: string, more?: Record<string, unknown>) => void;
  clock?: Clock;
  dataFileOptions?: OpenDataFile;
}

export interface Service {
  app: Hono<App>;
  gate: Gate;
  events: Events;
  killSwitch: Switch;
  tokens: Tokens;
  /** On the very first start alone, as long as there never was a token: the operator's, said this once. */
  operatorToken: string | null;
  close(): Promise<void>;
}

/** Opens the data file and builds the service on it. Throws DataFileRefused; NotDurable where a first start cannot be written down. */
export async function openService(options: ServiceOptions): Promise<Service> {
  const { name, leaseMs, publicUrl, clock = systemClock, log = () => undefined } = options;
  const store = await Store.open(options.dataFile, options.dataFileOptions);
  store.transaction(() => store.database.exec(OUTBOX_SQL));
  const outbox = new Outbox({
    database: store.database,
    routes: options.alerts,
    context: options.context,
    record: (note) => recordDelivery(note),
    trouble: (error) => log("alerts", { error: wordsOf(error) }),
    clock,
  });
  const tell = (news: BareNews, unsaved: boolean): void => {
    const whole = { ...news, id: newsId(), switchName: name, link: newsLink(publicUrl, news.scope) };
    if (unsaved) outbox.enqueueUnsaved(whole);
    else outbox.enqueue(whole);
  };
  const killSwitch = new Switch(store, { leaseMs, clock, announce: tell });
  const tokens = new Tokens(store, clock);
  const sessions = new Sessions(clock);
  const attempts = new Attempts({
    clock,
    note: (entry, alert) => {
      const at = new Date(clock.now()).toISOString();
      killSwitch.note(entry, alert && (() => tell(newsOfRefusal(alert, killSwitch.standing, at), false)));
      if (alert) outbox.wake();
    },
  });
  const gate = new Gate({ tokens, sessions, attempts, publicUrl, host: options.host });
  const events = new Events(killSwitch, tokens);
  tokens.onRevoked((tokenId) => sessions.endToken(tokenId));
  killSwitch.onOrder(() => {
    outbox.wake();
    const { epoch, orders } = killSwitch.standing;
    log("order", { epoch, orders: orders.map(({ scope, mode, by }) => `${scope} ${mode} by ${by}`) });
  });

  const operator = tokens.isEmpty ? tokens.add({ name: "operator", roles: ["admin", "kill", "release"] }, null) : null;
  noteRun("service-started", { boot: killSwitch.boot });
  outbox.start();
  const app = createApp({
    name,
    killSwitch,
    tokens,
    answers: new Answers(store, clock),
    attempts,
    gate,
    sessions,
    alerts: {
      routes: options.alerts,
      context: options.context,
      pending: () => outbox.pending(),
      testNews: (by) => {
        const at = new Date(clock.now()).toISOString();
        return testNews({ switchName: name, series: store.series, by, at, link: newsLink(publicUrl, "*") });
      },
    },
    streams: () => events.size,
    mistake: (error) =>
      log("mistake", { error: wordsOf(error), stack: error instanceof Error ? error.stack : undefined }),
  });

  return { app, gate, events, killSwitch, tokens, operatorToken: operator?.token ?? null, close };

  function recordDelivery({ route, newsId, news, outcome, status, why, attempts: count, final }: DeliveryNote): void {
    const { scope, kind } = news;
    const about = { newsId, kind, epoch: news.epoch };
    const more = { route, outcome, status, attempts: count, final, about, reason: why };
    killSwitch.note({ kind: "alert", by: SERVICE, from: null, scope: scope ?? undefined, ...more });
    log("alert", { route, outcome, status, attempts: count, final, why });
  }

  /** A full disk keeps the switch neither from starting nor from ending: what is in force is known. */
  function noteRun(kind: "service-started" | "service-stopped", more: Record<string, unknown>): void {
    try {
      killSwitch.note({ kind, by: SERVICE, from: null, ...more });
    } catch (error) {
      if (!(error instanceof NotDurable)) throw error;
      log(kind, { error: `not in the switch's log, which could not be written: ${wordsOf(error)}` });
    }
  }

  async function close(): Promise<void> {
    events.close();
    attempts.close();
    await outbox.close();
    noteRun("service-stopped", {});
    killSwitch.close();
    try {
      logLost();
    } finally {
      store.close();
    }
  }

  /** Orders in force that are not on the disk: the next start does not know of them. */
  function logLost(): void {
    if (killSwitch.durable) return;
    const saved = new Set(store.standing().orders.map(({ epoch }) => epoch));
    for (const { scope, mode, epoch } of killSwitch.standing.orders)
      if (!saved.has(epoch)) log("lost", { scope, mode, epoch });
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
