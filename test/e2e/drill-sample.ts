import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";
import { expect } from "vitest";
import { stage, start, unstage } from "../../fixtures/stage.mjs";
import type { DrillLine } from "../../src/drill/line.ts";
import { begin, expectWithout } from "./support.ts";

/** A sample that is started, and what a drill must not have changed of it. */
export interface Sample {
  name: string;
  folder: string;
  urls: { agent: string; switch: string };
  /** Every row of every table of the agent's database, `sqlite_sequence` included. */
  rows(): Record<string, unknown[]>;
  /** What is left in `.clawproof`, beside locks. */
  left(): Promise<string[]>;
  lines(): Promise<DrillLine[]>;
  drill(args?: readonly string[]): ReturnType<typeof begin>;
  /** Nothing that it said holds a token of the sample. */
  expectNoSecret(text: string): Promise<void>;
  /** What is in force on the drill's scope. */
  orders(): Promise<Order[]>;
  /** Until an order is in force there. */
  pulled(): Promise<Order>;
  /** Of drill calls. */
  breaker(): Promise<string>;
}

export interface Order {
  scope: string;
  mode: string;
  expiresAt?: string | null;
}

const SECRETS = ["agent-token", "switch-token", "operator-token", "breaker-token", "webhook-secret"];

/** Lays a fixture out, starts it, and ends it whatever happens. */
export async function withSample(name: string, use: (sample: Sample) => Promise<void>): Promise<void> {
  const folder = await stage(name);
  try {
    const running = await start(folder);
    try {
      await use(sampleIn(name, folder, running.urls));
    } finally {
      await running.stop();
    }
  } finally {
    await unstage(folder);
  }
}

function sampleIn(name: string, folder: string, urls: Sample["urls"]): Sample {
  const secret = (file: string): Promise<string> =>
    readFile(join(folder, "run", file), "utf8").then(
      (text) => text.trim(),
      () => "",
    );
  const orders = async (): Promise<Order[]> => {
    const headers = { authorization: `Bearer ${await secret("switch-token")}` };
    const response = await fetch(`${urls.switch}/v1/state`, { headers });
    return ((await response.json()) as { orders: Order[] }).orders;
  };
  return {
    name,
    folder,
    urls,
    rows: () => rowsOf(join(folder, "agent.db")),
    left: async () => {
      const names = await readdir(join(folder, ".clawproof")).catch(() => []);
      return names.filter((each) => !each.endsWith(".lock") && each !== "drills.jsonl").sort();
    },
    lines: async () => {
      const text = await readFile(join(folder, ".clawproof/drills.jsonl"), "utf8").catch(() => "");
      return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as DrillLine]));
    },
    drill: (args = []) => begin(folder, ["drill", ...args]),
    expectNoSecret: async (text) => {
      for (const file of SECRETS) {
        const value = await secret(file);
        if (value !== "") expectWithout(text, value);
      }
      expect(text).not.toMatch(/^\s+at .+:\d+/m);
    },
    orders,
    async pulled() {
      for (;;) {
        const [order] = await orders();
        if (order) return order;
      }
    },
    breaker: async () => {
      const answer = await fetch(`${urls.agent}/guard`);
      return ((await answer.json()) as { drill: { breaker: { state: string } } }).drill.breaker.state;
    },
  };
}

/** Resolves once the timeline has a line of this step. */
export function told(drill: ReturnType<Sample["drill"]>, step: string): Promise<void> {
  const line = new RegExp(`^ +[\\d.]+ s  ${step} `, "m");
  let text = "";
  return new Promise((resolve, reject) => {
    drill.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (line.test(text)) resolve();
    });
    drill.stdout.once("end", () => reject(new Error(`it ended without ${step}:\n${text}`)));
  });
}

/** Every row of every table of a SQLite file. */
export function rowsOf(file: string): Record<string, unknown[]> {
  const database = new Database(file);
  try {
    const tables = database.prepare("select name from sqlite_master where type = 'table' order by name").all() as {
      name: string;
    }[];
    return Object.fromEntries(
      tables.map(({ name }) => [name, database.prepare(`select * from "${name}" order by rowid`).all()]),
    );
  } finally {
    database.close();
  }
}
