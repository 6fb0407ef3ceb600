import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { appendDrill } from "../../src/drill/log.ts";
import { gatherDrills } from "../../src/evidence/drills.ts";
import { drillOf } from "../drill/lines.ts";
import { serve } from "../doors/servers.ts";
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

  it("cannot read drills that our own switch keeps yet", async () => {
    const gathering = gatheringFrom(await folderForTest(), `${AGENT}drills: { store: switch }\n`);
    expect(await gatherDrills(gathering)).toMatchObject({
      state: "failed",
      why: "drills.store: switch comes with the kill switch service",
    });
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
      "with keys",
      "drills: { log: .clawproof/drills.jsonl, keys: [drills.pub] }\n",
      "signatures are read by a later version",
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
