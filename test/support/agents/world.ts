import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Gathering } from "../../../src/evidence/gathering.ts";
import { LIMITS, type Limits } from "../../../src/rehearsal/limits.ts";
import { folderForTest, gatheringFrom } from "../../evidence/support.ts";
import { startAgent, type TestAgent } from "./agent.ts";
import { startSwitch, TOKENS, type TestSwitch } from "./switch.ts";

/** An agent, its switch, and a clawproof.yaml that names both. */
export interface World {
  agent: TestAgent;
  killSwitch: TestSwitch;
  folder: string;
  yaml: string;
  gathering: Gathering & { said: string[]; shown: string[] };
  /** Interrupts the run. */
  interrupt(): void;
  /** The text of acting.json; null where there is none. */
  acting(): Promise<string | null>;
}

export interface Written {
  probes?: string;
  agent?: string;
  killSwitch?: string;
  rehearse?: string;
  /** The whole `log:` line. */
  log?: string;
  release?: string;
  refused?: string;
  /** Path of what closes the breaker. */
  close?: string;
  /** What `alerting.receipts` asks, with LOG and the address of port 1 for the switch's. */
  receipts?: string;
  more?: string;
}

export const SCOPE = "drill/support";

/** Shorter where the contract's seconds would only make tests slow; what is measured stays as it is. */
export const SHORT: Limits = {
  ...LIMITS,
  stop: 6_000,
  back: 2_000,
  releaseWithin: 900,
  receipts: 1_500,
  steady: 400,
  quiet: 600,
  refusals: 8,
  randomWait: 100,
};

export async function startWorld(written: Written = {}): Promise<World> {
  const [agent, killSwitch, folder] = await Promise.all([startAgent(), startSwitch(), folderForTest()]);
  const yaml = yamlFor(written, agent.url, killSwitch.url);
  const interruption = new AbortController();
  const said: string[] = [];
  const shown: string[] = [];
  const gathering = gatheringFrom(folder, yaml, {
    env: TOKENS,
    mayAct: true,
    activator: "kim@laptop",
    signal: interruption.signal,
    progress: { show: (text) => void shown.push(text), say: (text) => void said.push(text), clear: () => undefined },
  });
  return {
    agent,
    killSwitch,
    folder,
    yaml,
    gathering: Object.assign(gathering, { said, shown }),
    interrupt: () => interruption.abort(),
    acting: () => readFile(join(folder, ".clawproof", "acting.json"), "utf8").catch(() => null),
  };
}

/** The agent obeys its switch so many milliseconds after an order, each instance in its own time. */
export function obey({ agent, killSwitch }: World, delayMs: number | ((instance: string) => number) = 0): void {
  agent.write = ({ instance }) => {
    const stoppedAt = killSwitch.stoppedAt(SCOPE);
    const delay = typeof delayMs === "number" ? delayMs : delayMs(instance);
    return stoppedAt !== null && performance.now() - stoppedAt >= delay ? "refuse" : "accept";
  };
}

const ORDER = (url: string, path: string): string =>
  `{ url: "${url}${path}", method: POST, headers: { authorization: "Bearer \${SWITCH_TOKEN}" }, json: { scope: "\${scope}", reason: "\${reason}", by: "\${activator}" } }`;

export function yamlFor(written: Written, agent: string, url: string): string {
  const { refused = "[{ status: 503 }]", log, release } = written;
  const text = `version: 1
agent:
  name: support
  url: ${agent}
  ${written.agent ?? ""}
  probes:
    read:  { url: /read, expect: { status: 200 } }
    write: { url: /write, method: POST, expect: { status: 200 }, refused: ${refused} }
    ${written.probes ?? ""}
killSwitch:
  status: { url: "${url}/state?scope=\${scope}", headers: { authorization: "Bearer \${SWITCH_TOKEN}" }, stopped: /stopped }
  activate: ${ORDER(url, "/stop")}
  ${release ?? `release: ${ORDER(url, "/resume")}`}
  ${log ?? `log: { url: "${url}/log", entries: /entries, fields: { at: /at, by: /by, reason: /reason, scope: /scope } }`}
  releaseAsAgent: { headers: { authorization: "Bearer \${AGENT_TOKEN}" } }
  ${written.killSwitch ?? ""}
  rehearse: ${written.rehearse ?? "{}"}
breaker:
  rehearse:
    scope: whole
    open:  { url: "/breaker?state=open", method: POST }
    close: { url: "${written.close ?? "/breaker?state=closed"}", method: POST }
alerting: { receipts: { ${written.receipts ?? `url: "${url}/received"`}, within: 1s } }
${written.more ?? ""}`;
  // Addresses are known only here.
  return text
    .replaceAll("http://127.0.0.1:1/", `${url}/`)
    .replaceAll('"LOG"', `"${url}/log"`)
    .replaceAll("RESTART", `"${agent}/run"`);
}
