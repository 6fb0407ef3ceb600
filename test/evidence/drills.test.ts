import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { attest } from "../../src/drill/attest.ts";
import type { Envelope } from "../../src/drill/line.ts";
import { appendDrill, type NewDrillLine } from "../../src/drill/log.ts";
import { appendDrillLine } from "../../src/drill/store.ts";
import { gatherDrills } from "../../src/evidence/drills.ts";
import { keyPair } from "../drill/keys.ts";
import { drillOf } from "../drill/lines.ts";
import { serve } from "../doors/servers.ts";
import { startSwitch } from "../switch/support.ts";
import { folderForTest, gatheringFrom, valueOf } from "./support.ts";

const AGENT = "version: 1\nagent: { name: subscription-support }\n";
const LOG = "drills: { log: .clawproof/drills.jsonl }\n";
const NOW = Date.parse("2026-11-22T06:00:00.000Z");
const clock = { now: () => NOW, monotonic: () => 0 };

function switchAt(url: string, more = ""): string {
  return `killSwitch:
  status: { url: "${url}/state", stopped: /stopped }
  activate: { url: "${url}/stop", method: POST }
  log: { url: "${url}/log", entries: /entries, fields: { at: /at, by: /by, reason: /reason, scope: /scope } }
${more}`;
}

async function logged(...lines: Parameters<typeof drillOf>[0][]): Promise<{ folder: string; file: string }> {
  const folder = await folderForTest();
  const file = join(folder, ".clawproof/drills.jsonl");
  for (const line of lines) await appendDrill(file, drillOf(line));
  return { folder, file };
}

describe("gatherDrills", () => {
  it("is absent without drills.log, and without the file", async () => {
    const folder = await folderForTest();
    expect(await gatherDrills(gatheringFrom(folder, AGENT))).toMatchObject({
      state: "absent",
      why: "drills.log is not configured",
    });
    expect(await gatherDrills(gatheringFrom(folder, AGENT + LOG))).toMatchObject({
      state: "absent",
      why: ".clawproof/drills.jsonl does not exist yet",
    });
  });

  it.each([
    ["store: switch", "full", "drills.store: switch needs killSwitch: { provider: clawproof }"],
    ["store: switch, log: a.jsonl", "full", "drills.log and drills.store name two places"],
    ["store: switch", "offline", "--offline opens no connection"],
  ] as const)("says what it cannot read: %s, %s", async (drills, mode, why) => {
    const gathering = gatheringFrom(await folderForTest(), `${AGENT}drills: { ${drills} }\n`, { mode });
    const state = mode === "offline" ? "withheld" : "failed";
    expect(await gatherDrills(gathering)).toMatchObject({ state, why: expect.stringContaining(why) });
  });

  it("fails where there is something else than a file", async () => {
    const folder = await folderForTest();
    await mkdir(join(folder, ".clawproof/drills.jsonl"), { recursive: true });
    expect(await gatherDrills(gatheringFrom(folder, AGENT + LOG))).toMatchObject({
      state: "failed",
      why: ".clawproof/drills.jsonl is a folder",
    });
  });

  it("counts only lines of this agent, in this environment, from the past", async () => {
    const { folder } = await logged(
      { agent: "billing" },
      { environment: "staging" },
      { endedAt: "2026-11-10T05:59:59.000Z" },
      { endedAt: "2026-11-22T06:00:00.001Z" },
      { mark: "clawproof-000005", endedAt: "2026-11-22T06:00:00.000Z" },
    );
    const standing = valueOf(await gatherDrills(gatheringFrom(folder, AGENT + LOG, { clock })));
    expect(standing.ignored).toEqual([
      { lineNumber: 1, why: "a drill of another agent (billing)" },
      { lineNumber: 2, why: "a drill in environment staging" },
      { lineNumber: 3, why: "it ended before it began" },
      { lineNumber: 4, why: "a time in the future (2026-11-22T06:00:00.001Z)" },
    ]);
    expect(standing.drills.map(({ line }) => line.mark)).toEqual(["clawproof-000005"]);
    expect(standing.brokenAt).toBeNull();
    expect(standing.source).toBe(".clawproof/drills.jsonl");
  });

  it("ignores a drill without an environment where one is audited", async () => {
    const { folder } = await logged({}, { environment: "staging", mark: "clawproof-000002" });
    const yaml = `${AGENT}${LOG}environments: { staging: {} }\n`;
    const standing = valueOf(await gatherDrills(gatheringFrom(folder, yaml, { clock, environment: "staging" })));
    expect(standing.drills.map(({ line }) => line.mark)).toEqual(["clawproof-000002"]);
    expect(standing.ignored).toEqual([{ lineNumber: 1, why: "a drill in no environment" }]);
  });

  it("names where the chain breaks, and every further line that does not count", async () => {
    const { folder, file } = await logged({});
    await writeFile(file, "one\ntwo\n");
    const standing = valueOf(await gatherDrills(gatheringFrom(folder, AGENT + LOG, { clock })));
    expect(standing.brokenAt).toEqual({ lineNumber: 1, why: "not JSON" });
    expect(standing.ignored).toEqual([{ lineNumber: 2, why: "not JSON" }]);
  });

  it("verifies a line against the switch's own log", async () => {
    const { folder } = await logged(
      {},
      { mark: "clawproof-made00", startedAt: "2026-11-12T06:00:00.000Z", endedAt: "2026-11-12T06:00:30.000Z" },
    );
    const { mark, digest, scope } = drillOf();
    const entries = [
      { at: "2026-11-10T06:00:02Z", by: "kim", reason: `drill ${mark}`, scope },
      { at: "2026-11-10T06:00:25Z", by: "kim", reason: `drill over ${mark} ${digest}`, scope },
    ];
    const { url } = await serve((_, response) => response.end(JSON.stringify({ entries })));
    const fact = await gatherDrills(gatheringFrom(folder, AGENT + LOG + switchAt(url), { clock }));
    expect(valueOf(fact).drills.map(({ verifiable }) => verifiable)).toEqual([
      true,
      { why: "the switch's log has no order marked clawproof-made00" },
    ]);
    expect(fact).toMatchObject({
      evidence: [
        { level: "drilled", at: "2026-11-10T06:00:30.000Z" },
        { level: "declared", at: "2026-11-12T06:00:30.000Z" },
      ],
    });
  });

  it.each([
    ["offline", "offline", "--offline does not ask for the switch's log"],
    ["a log that answers 503", "full", "the switch's log could not be read: answered 503"],
  ] as const)("says why a line is not verifiable: %s", async (_, mode, why) => {
    const { folder } = await logged({});
    const { url } = await serve((_request, response) => response.writeHead(503).end());
    const yaml = AGENT + LOG + switchAt(url);
    const { drills } = valueOf(await gatherDrills(gatheringFrom(folder, yaml, { clock, mode })));
    expect(drills[0]?.verifiable).toEqual({ why });
  });

  it.each([
    ["without a switch", "", "no kill switch is configured"],
    ["without a log", "", "killSwitch.log is not configured"],
    [
      "with a key that is not there",
      "drills: { log: .clawproof/drills.jsonl, keys: [drills.pub] }\n",
      "killSwitch.log is not configured; drills.pub does not exist",
    ],
  ])("says why a line is not verifiable: %s", async (name, drillsYaml, why) => {
    const { folder } = await logged({});
    const switchYaml = switchAt("http://127.0.0.1:9").replace(/^ {2}log:.*\n/m, "");
    const yaml = AGENT + (drillsYaml || LOG) + (name === "without a switch" ? "" : switchYaml);
    const { drills } = valueOf(await gatherDrills(gatheringFrom(folder, yaml, { clock })));
    expect(drills[0]?.verifiable).toEqual({ why });
  });

  it("withholds a log that only a command can give when offline", async () => {
    const yaml = `${AGENT}drills: { log: { command: [cat, drills.jsonl] } }\n`;
    expect(await gatherDrills(gatheringFrom(await folderForTest(), yaml, { mode: "offline" }))).toMatchObject({
      state: "withheld",
    });
  });
});

describe("signed lines", () => {
  const ours = keyPair();
  const theirs = keyPair();
  const KEYS = "drills: { log: .clawproof/drills.jsonl, keys: [drills.pub] }\n";
  const drill = drillOf();
  const signed = (line: NewDrillLine, attestation: Envelope): NewDrillLine => ({ ...line, attestation });

  async function gathered(line: NewDrillLine, yaml = KEYS, mode: "full" | "offline" = "full") {
    const folder = await folderForTest();
    await appendDrill(join(folder, ".clawproof/drills.jsonl"), line);
    await writeFile(join(folder, "drills.pub"), ours.publicPem);
    const fact = await gatherDrills(gatheringFrom(folder, AGENT + yaml, { clock, mode }));
    return { drill: valueOf(fact).drills[0], evidence: fact.state === "found" ? fact.evidence[0] : undefined };
  }

  it("are believed without a switch's log, and offline", async () => {
    const line = signed(drill, attest(drill, ours.privateKey));
    for (const mode of ["full", "offline"] as const) {
      expect(await gathered(line, KEYS, mode)).toMatchObject({
        drill: { verifiable: true, proof: "signed by drills.pub" },
        evidence: { level: "drilled", fact: expect.stringContaining("signed by drills.pub") },
      });
    }
  });

  const entries = [
    { at: "2026-11-10T06:00:02Z", by: "kim", reason: `drill ${drill.mark}`, scope: drill.scope },
    { at: "2026-11-10T06:00:25Z", by: "kim", reason: `drill over ${drill.mark} ${drill.digest}`, scope: drill.scope },
  ];
  it.each([
    ["a foreign key", attest(drill, theirs.privateKey), "which is none of those that may (drills.pub)"],
    ["another drill's", attest(drillOf({ by: "dana" }), ours.privateKey), "its signature is that of another line"],
    ["an altered one", { ...attest(drill, ours.privateKey), payload: "e30=" }, "altered after it was signed"],
  ])("are not believed, whatever the switch's log says: %s", async (_, attestation, why) => {
    const { url } = await serve((_request, response) => response.end(JSON.stringify({ entries })));
    const believed = await gathered(drill, KEYS + switchAt(url));
    expect(believed.drill).toMatchObject({ verifiable: true, proof: "held against the switch's log" });
    const refused = await gathered(signed(drill, attestation), KEYS + switchAt(url));
    expect(refused).toMatchObject({
      drill: { verifiable: { why: expect.stringContaining(why) }, proof: null },
      evidence: { level: "declared" },
    });
  });

  it("say nothing where no key is listed, and an unsigned one says so where one is", async () => {
    const line = signed(drill, attest(drill, ours.privateKey));
    expect((await gathered(line, LOG)).drill?.verifiable).toEqual({ why: "no kill switch is configured" });
    expect((await gathered(drill)).drill?.verifiable).toEqual({
      why: "no kill switch is configured; it is not signed",
    });
  });
});

describe("drills that no line accounts for", () => {
  const first = drillOf({ mark: "clawproof-000001" });
  const later = { startedAt: "2026-11-12T06:00:00.000Z", endedAt: "2026-11-12T06:00:30.000Z" };
  const second = drillOf({ ...later, mark: "clawproof-000002", verdict: { held: false, why: "it did not stop" } });
  const entriesOf = (drill: NewDrillLine) => [
    { at: Date.parse(drill.startedAt) + 2_000, by: "kim", reason: `drill ${drill.mark}`, scope: drill.scope },
    { at: Date.parse(drill.endedAt) - 5_000, by: "kim", reason: `${drill.mark}: ${drill.digest}`, scope: drill.scope },
  ];

  async function gathered(...lines: NewDrillLine[]) {
    const rehearsal = { at: "2026-11-13T06:00:00Z", by: "kim", reason: "clawproof-0000ff: over", scope: first.scope };
    const entries = [...entriesOf(first), ...entriesOf(second), rehearsal];
    const { url } = await serve((_request, response) => response.end(JSON.stringify({ entries })));
    const { folder } = await logged(...lines);
    return valueOf(await gatherDrills(gatheringFrom(folder, AGENT + LOG + switchAt(url), { clock })));
  }

  it("are none where each has its line, and rehearsals need none", async () => {
    expect((await gathered(first, second)).unaccounted).toEqual([]);
  });

  it("take the word of the newest line where they are later: the last line was removed", async () => {
    const { unaccounted, drills } = await gathered(first);
    expect(unaccounted).toEqual([
      { at: Date.parse(second.endedAt) - 5_000, reason: `${second.mark}: ${second.digest}` },
    ]);
    expect(drills[0]?.verifiable).toEqual({
      why: "the switch's log has a later drill, of 2026-11-12T06:00:25.000Z, that no line accounts for",
    });
  });

  it("are named where they are earlier", async () => {
    const { unaccounted, drills } = await gathered(second);
    expect(unaccounted).toHaveLength(1);
    expect(drills[0]?.verifiable).toBe(true);
  });
});

describe("drills that our own switch keeps", () => {
  it("are held against that switch's own orders, whose release carries the digest in a field of its own", async () => {
    const it = await startSwitch();
    const scope = "drill/subscription-support";
    const startedAt = new Date().toISOString();
    await it.call("/v1/kill", { body: { scope, reason: "drill clawproof-7f3a91", ttlSeconds: 60 } });
    const drill = drillOf({ startedAt, endedAt: startedAt });
    const release = { scope, reason: "clawproof-7f3a91: drill over", evidence: drill.digest };
    await it.call("/v1/release", { body: release });
    const yaml = `${AGENT}killSwitch: { provider: clawproof, url: "${it.url}", token: "\${T}" }\ndrills: { store: switch }\n`;
    const gathering = gatheringFrom(await folderForTest(), yaml, { env: { T: it.admin } });
    expect(valueOf(await gatherDrills(gathering)).drills).toEqual([]);
    await appendDrillLine(gathering.project, { ...drill, endedAt: new Date().toISOString() });
    const standing = valueOf(await gatherDrills(gathering));
    expect(standing).toMatchObject({ brokenAt: null, unaccounted: [], source: `drills at ${it.url}` });
    expect(standing.drills).toMatchObject([{ verifiable: true, proof: "held against the switch's log" }]);
  });
});
