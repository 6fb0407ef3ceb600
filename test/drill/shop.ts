import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { holdDrill } from "../../src/drill/hold.ts";
import type { StepName } from "../../src/drill/telling.ts";
import type { Limits } from "../../src/rehearsal/limits.ts";
import { serve } from "../doors/servers.ts";
import { SCOPE, SHORT, startWorld, type World, type Written } from "../support/agents/world.ts";

/** What an agent writes into: by action type, each write under its trace; and a script that takes a trace back. */
export class Shop {
  url = "";
  items: { type: string; trace: string }[] = [];
  /** Types whose state changes by itself. */
  readonly drifting = new Set<string>();
  /** Types that are answered as if they had been written. */
  readonly dull = new Set<string>();
  /** Types whose writes are refused. */
  readonly refused = new Set<string>();
  /** Types that the script does not take back. */
  readonly kept = new Set<string>();
  /** Types whose state cannot be read. */
  readonly unreadable = new Set<string>();
  undoFails = false;
  /** Before a write is made, that long after it was asked for. */
  slowMs = 0;
  onWrite: ((type: string) => void) | null = null;
  onUndo: (() => void) | null = null;
  #reads = 0;

  static async open(): Promise<Shop> {
    const shop = new Shop();
    const { url } = await serve(async ({ url = "/", headers }, response) => {
      const { pathname, searchParams } = new URL(url, "http://shop");
      const type = searchParams.get("type") ?? "";
      if (pathname === "/state") {
        const items = shop.items.filter((item) => item.type === type).length;
        const turns = shop.drifting.has(type) ? shop.#reads++ : 0;
        return response.writeHead(shop.unreadable.has(type) ? 500 : 200).end(JSON.stringify({ items, turns }));
      }
      if (pathname === "/text") return response.end(`${shop.items.length} in all`);
      if (pathname === "/undo") {
        shop.onUndo?.();
        if (shop.undoFails) return response.writeHead(500).end();
        const trace = searchParams.get("trace");
        shop.items = shop.items.filter((item) => item.trace !== trace || shop.kept.has(item.type));
        return response.end();
      }
      shop.onWrite?.(type);
      if (shop.slowMs > 0) await pause(shop.slowMs);
      if (shop.refused.has(type)) return response.writeHead(403).end();
      if (!shop.dull.has(type)) shop.items.push({ type, trace: traceIn(headers) });
      return response.end();
    });
    shop.url = url;
    return shop;
  }

  /** `agent.probes.writes` of these types. */
  writes(types: readonly string[]): string {
    const write = (type: string): string => {
      const state = type === "stateless" ? "" : `, state: { url: "${this.url}/state?type=${type}" }`;
      return `${type}: { url: "${this.url}/write?type=${type}", method: POST, expect: { status: 200 }${state} }`;
    };
    return `writes: { ${types.map(write).join(", ")} }`;
  }
}

const traceIn = (headers: Record<string, string | string[] | undefined>): string =>
  String(headers["traceparent"]).split("-")[1] ?? "";

/** The script of a team: exits 1 where the shop does not take it. */
const SCRIPT = `const answer = await fetch(process.argv[2]);
if (!answer.ok) { console.error("the shop is closed"); process.exit(1); }
`;

const QUICK: Limits = { ...SHORT, stop: 2_000, steady: 150, quiet: 250, opened: 250, receipts: 300, back: 1_000 };

/** A world whose agent obeys its switch and its breaker, writes into a shop, and is drilled. */
export interface DrillWorld {
  world: World;
  shop: Shop;
  told: [StepName, string][];
  drill(gathering?: World["gathering"]): ReturnType<typeof holdDrill>;
}

export async function startDrillWorld(types: readonly string[] = ["note"], written: Written = {}): Promise<DrillWorld> {
  const shop = await Shop.open();
  const more = `rollback: { script: { run: [node, undo.mjs], trace: ["${shop.url}/undo?trace=\${trace}"] } }
drills: { log: .clawproof/drills.jsonl }
${written.more ?? ""}`;
  const world = await startWorld({ ...written, probes: shop.writes(types), more });
  await writeFile(join(world.folder, "undo.mjs"), SCRIPT);
  const { agent, killSwitch } = world;
  agent.write = (asked) => {
    if (agent.breaker === "open" || killSwitch.stoppedAt(SCOPE) !== null) return "refuse";
    // Probes write as well, and what they wrote has to go with the rest.
    shop.items.push({ type: "probe", trace: traceIn(asked.headers) });
    return "accept";
  };
  const told: DrillWorld["told"] = [];
  const drill = (gathering = world.gathering) =>
    holdDrill(gathering, { tell: (...step) => void told.push(step), limits: QUICK });
  return { world, shop, told, drill };
}
