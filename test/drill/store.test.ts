import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { projectFromText } from "../../src/config/load.ts";
import type { Project } from "../../src/config/project.ts";
import { appendDrillLine, checkDrillStore, readDrillLines } from "../../src/drill/store.ts";
import { chain } from "../../src/values/hash-chain.ts";
import { gatewayTo } from "../commands/switch-support.ts";
import { type RunningSwitch, startSwitch } from "../switch/support.ts";
import { drillOf } from "./lines.ts";

const AGENT = "version: 1\nagent: { name: subscription-support }\n";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "clawproof-store-"));
});
afterEach(async () => {
  await chmod(folder, 0o700);
  await rm(folder, { recursive: true });
});

function projectOf(yaml: string, env: Record<string, string> = {}): Project {
  const file = join(folder, "clawproof.yaml");
  return projectFromText(AGENT + yaml, { file, shownFile: "clawproof.yaml", cwd: folder, env });
}

const marks = ({ lines }: { lines: { line: { mark: string } }[] }) => lines.map(({ line }) => line.mark);

describe("drills.log", () => {
  const project = () => projectOf("drills: { log: kept/drills.jsonl }\n");

  it("keeps and reads lines, each with its number", async () => {
    expect(await checkDrillStore(project())).toBe("kept/drills.jsonl");
    for (const mark of ["one", "two"]) await appendDrillLine(project(), drillOf({ mark }));
    expect(await checkDrillStore(project())).toBe("kept/drills.jsonl");
    const kept = await readDrillLines(project());
    expect(kept).toMatchObject({ source: "kept/drills.jsonl", unit: "line", brokenAt: null });
    expect(kept.lines.map(({ lineNumber }) => lineNumber)).toEqual([1, 2]);
  });

  it("is read from any source, and added to in a file alone", async () => {
    await appendDrillLine(project(), drillOf());
    const command = projectOf("drills: { log: { command: [cat, kept/drills.jsonl] } }\n");
    expect((await readDrillLines(command)).lines).toHaveLength(1);
    const message = "a drill adds its line to a file, and drills.log is something else";
    for (const yaml of ["{ command: [cat, x] }", "{ text: x }", "x.json#/log", "{ file: x, at: /log }"]) {
      const other = projectOf(
        `drills: { log: ${JSON.stringify(yaml).startsWith('"{') ? yaml : JSON.stringify(yaml)} }\n`,
      );
      await expect(appendDrillLine(other, drillOf())).rejects.toThrow(message);
      await expect(checkDrillStore(other)).rejects.toThrow(message);
    }
  });

  it("says before anything is touched that it could not be kept", async () => {
    await mkdir(join(folder, "kept/drills.jsonl"), { recursive: true });
    await expect(checkDrillStore(project())).rejects.toThrow("kept/drills.jsonl is not a plain file");
    await rm(join(folder, "kept"), { recursive: true });
    await writeFile(join(folder, "kept"), "");
    const said = "kept/drills.jsonl cannot be written (a file stands where its folder would be)";
    await expect(checkDrillStore(project())).rejects.toThrow(said);
    await expect(appendDrillLine(project(), drillOf())).rejects.toThrow("kept/drills.jsonl cannot be written");
  });

  it("says what is missing", async () => {
    const nowhere = projectOf("");
    for (const asking of [readDrillLines(nowhere), checkDrillStore(nowhere), appendDrillLine(nowhere, drillOf())])
      await expect(asking).rejects.toMatchObject({ state: "absent", message: "drills.log is not configured" });
    await expect(readDrillLines(project())).rejects.toMatchObject({ state: "absent" });
  });
});

describe("drills.store: switch", () => {
  const at = (url: string, token: string): Project =>
    projectOf(`killSwitch: { provider: clawproof, url: "${url}", token: "\${T}" }\ndrills: { store: switch }\n`, {
      T: token,
    });
  const keep = (it: RunningSwitch, line: unknown) => it.call("/v1/drills", { body: { line } });
  const PAST = { startedAt: "2026-11-10T06:00:00.000Z", endedAt: "2026-11-10T06:00:30.000Z" };

  it("keeps and reads the lines of this agent, page by page, each an entry of the switch's log", async () => {
    const it = await startSwitch();
    const token = it.tokenFor("ci", ["kill", "release"]);
    const project = at(it.url, token);
    expect(await checkDrillStore(project)).toBe(`the switch at ${it.url}`);
    await appendDrillLine(project, drillOf({ mark: "one" }));
    await keep(it, chain(drillOf({ agent: "billing" }), ""));
    for (let index = 2; index <= 502; index++)
      it.service.killSwitch.note({
        kind: "drill",
        by: "ci",
        from: null,
        line: chain(drillOf({ mark: `m${index}` }), ""),
      });
    const kept = await readDrillLines(project, { whole: true });
    expect(kept).toMatchObject({ brokenAt: null, refused: [], unit: "entry", source: `drills at ${it.url}` });
    expect(kept.lines).toHaveLength(502);
    expect([marks(kept)[0], marks(kept).at(-1)]).toEqual(["one", "m502"]);
    const entry = it.service.killSwitch.store.log({ after: (kept.lines[0]?.lineNumber ?? 0) - 1, limit: 1 })[0];
    expect(entry).toMatchObject({ kind: "drill", by: "ci", line: { mark: "one" } });
  });

  it("refuses lines that were altered before they were kept, or are kept before they ended", async () => {
    const it = await startSwitch();
    const line = chain(drillOf(PAST), "");
    await keep(it, { ...line, by: "dana" });
    await keep(it, { hello: "world", agent: line.agent });
    await keep(it, chain(drillOf({ endedAt: "2099-01-01T00:00:00.000Z" }), ""));
    await keep(it, line);
    const kept = await readDrillLines(at(it.url, it.admin));
    expect(kept.refused.map(({ why }) => why)).toEqual([
      "changed before it was kept: its hash does not fit",
      expect.stringContaining("not a drill's line"),
      expect.stringMatching(/^it was kept at .*, before its drill ended$/),
    ]);
    expect(kept.lines).toHaveLength(1);
    expect(kept.brokenAt).toMatchObject({ why: kept.refused[0]?.why });
  });

  it("sees an entry that was altered at the switch, and one that is missing in its chain", async () => {
    const it = await startSwitch();
    for (const mark of ["one", "two", "three"]) await keep(it, chain(drillOf({ ...PAST, mark }), ""));
    const { database } = it.service.killSwitch.store;
    const project = at(it.url, it.admin);
    const { lines } = await readDrillLines(project);
    database.prepare("UPDATE log SET entry = replace(entry, '3800', '38') WHERE seq = ?").run(lines[1]?.lineNumber);
    expect(await readDrillLines(project)).toMatchObject({
      refused: [{ lineNumber: lines[1]?.lineNumber, why: "changed after it was kept: its entry's hash does not fit" }],
    });
    database.prepare("DELETE FROM log WHERE seq = ?").run(lines[1]?.lineNumber);
    expect((await readDrillLines(project)).brokenAt).toBeNull();
    const whole = await readDrillLines(project, { whole: true });
    expect(whole.brokenAt?.lineNumber).toBe(lines[2]?.lineNumber);
    expect(whole.brokenAt?.why).toContain("an entry is missing or stands twice");
  });

  it("keeps a line again where the answer was lost, and reads it once", async () => {
    const it = await startSwitch();
    let lost = 0;
    const gateway = await gatewayTo(
      () => it.url,
      ({ status, text }, response, request) => {
        if (request.method === "POST" && lost++ === 0) return response.writeHead(502).end();
        return response.writeHead(status, { "content-type": "application/json" }).end(text);
      },
    );
    const project = at(gateway.url, it.admin);
    await appendDrillLine(project, drillOf(PAST));
    expect(it.service.killSwitch.store.log({ drills: true })).toHaveLength(2);
    expect((await readDrillLines(project)).lines).toHaveLength(1);
    gateway.close();
  });

  it("says what the token lacks, and that no switch answers", async () => {
    const it = await startSwitch();
    const killer = at(it.url, it.tokenFor("killer", ["kill"]));
    await expect(checkDrillStore(killer)).rejects.toThrow("needs the role release, which killer does not have");
    await expect(appendDrillLine(killer, drillOf(PAST))).rejects.toThrow("needs the role release");
    const agent = at(it.url, it.tokenFor("subscription-support", ["agent"], "subscription-support"));
    await expect(readDrillLines(agent)).rejects.toMatchObject({ state: "failed" });
    await it.close();
    await expect(readDrillLines(killer)).rejects.toThrow("no switch answered");
  });
});
