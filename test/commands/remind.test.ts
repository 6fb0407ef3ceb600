import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { serve } from "../doors/servers.ts";
import { CONFIG, drillDaysAgo, folderOf, runIn, signed } from "./drill-support.ts";

const FAILED = { stop: { ms: null, resolutionMs: 50, acceptedAfterAnswer: 9 } };

describe("remind", () => {
  it.each<[string, Parameters<typeof folderOf>[0], string[], number, string]>([
    [
      "a fresh drill",
      [signed(drillDaysAgo(12))],
      [],
      0,
      `last drill 12 days ago (clawproof-12, ended 2026-11-10T06:00:00.000Z) held: stopped in 3.8s, 1/1 action types reversed; signed by drills.pub
next drill due 2026-12-15 06:00 UTC, in 23 days
`,
    ],
    [
      "one that is due soon",
      [signed(drillDaysAgo(30))],
      [],
      1,
      "next drill due 2026-11-27 06:00 UTC, in 5 days: clawproof drill\n",
    ],
    ["one that is due soon, asked about less", [signed(drillDaysAgo(30))], ["--within", "4d"], 0, "in 5 days\n"],
    [
      "one that is overdue",
      [signed(drillDaysAgo(40))],
      [],
      1,
      "OVERDUE since 2026-11-17 06:00 UTC (5 days): clawproof drill\n",
    ],
    ["none", [], [], 1, "no drill yet: drills.jsonl does not exist yet\nthe first one is due now: clawproof drill\n"],
    [
      "others' alone",
      [signed(drillDaysAgo(1, { agent: "billing" }))],
      [],
      1,
      "no drill yet: drills.jsonl holds none of this agent's, here\n",
    ],
    [
      "one that did not hold after one that did",
      [signed(drillDaysAgo(12)), signed(drillDaysAgo(0.5, FAILED))],
      [],
      1,
      `last drill less than a day ago (clawproof-0.5, ended 2026-11-21T18:00:00.000Z) does not count: it did not hold: the agent did not stop
the last one that counts was 12 days ago (clawproof-12, ended 2026-11-10T06:00:00.000Z)
the next one is due now: clawproof drill
`,
    ],
    [
      "one that nobody can verify",
      [drillDaysAgo(1)],
      [],
      1,
      "does not count: it cannot be verified: no kill switch is configured; it is not signed\n",
    ],
  ])("%s", async (_, lines, flags, expected, words) => {
    const { status, stdout, stderr } = await runIn(await folderOf(lines), "remind", ...flags);
    expect(stdout).toContain(words);
    expect([status, stderr]).toEqual([expected, ""]);
  });

  it("names the environment in what to do", async () => {
    const folder = await folderOf([], `${CONFIG}environments: { staging: {} }\n`);
    const { stdout } = await runIn(folder, "remind", "--env", "staging");
    expect(stdout).toContain("due now: clawproof drill --env staging\n");
  });

  it("names the configuration in what to do: where a person stands there may be another agent's", async () => {
    const folder = await folderOf([]);
    await copyFile(join(folder, "clawproof.yaml"), join(folder, "my agent.yaml"));
    const { stdout } = await runIn(folder, "remind", "-c", "my agent.yaml", "--ics", "drill.ics");
    expect(stdout).toContain("due now: clawproof drill -c 'my agent.yaml'\n");
    expect((await readFile(join(folder, "drill.ics"), "utf8")).replaceAll("\r\n ", "")).toContain(
      "Hold it with: clawproof drill -c 'my agent.yaml'",
    );
  });

  it("says it in JSON", async () => {
    const { stdout } = await runIn(await folderOf([signed(drillDaysAgo(12))]), "remind", "--format", "json");
    expect(JSON.parse(stdout)).toMatchObject({
      state: "fresh",
      dueAt: "2026-12-15T06:00:00.000Z",
      last: { mark: "clawproof-12", counts: true, proof: "signed by drills.pub" },
      told: null,
      exitCode: 0,
    });
  });

  it("is 3 where the drills cannot be read, and 2 where it was asked wrongly", async () => {
    const unread = await folderOf([], CONFIG.replace("log: drills.jsonl", "log: { command: [cat, none] }"));
    expect(await runIn(unread, "remind")).toMatchObject({ status: 3, stdout: "" });
    const folder = await folderOf([]);
    for (const flags of [["--within", "soon"], ["--ics", "no/where.ics"], ["--notify"], ["-c", "none.yaml"]])
      expect(await runIn(folder, "remind", ...flags)).toMatchObject({ status: 2, stdout: "" });
  });
});

describe("remind --notify", () => {
  async function routed(lines: Parameters<typeof folderOf>[0], status = 200) {
    const received: { path: string; body: unknown }[] = [];
    const { url } = await serve((request: IncomingMessage, response) => {
      void json(request).then((body) => {
        received.push({ path: request.url ?? "", body });
        const isEvents = request.url?.includes("enqueue") === true;
        response.statusCode = status === 200 && isEvents ? 202 : status;
        response.end("ok");
      });
    });
    const routes = `[{ webhook: "${url}/hook" }, { slack: "${url}/slack" }, { pagerduty: { routingKey: key, url: "${url}" } }]`;
    const folder = await folderOf(lines, `${CONFIG}alerting: { routes: ${routes} }\n`);
    return { received, ...(await runIn(folder, "remind", "--notify")) };
  }

  it("tells every route where a drill is due, marked as a drill, and pages nobody", async () => {
    const { received, status, stdout } = await routed([signed(drillDaysAgo(40))]);
    expect(received.map(({ path }) => path).sort()).toEqual(["/hook", "/slack", "/v2/change/enqueue"]);
    const bodies = JSON.stringify(received);
    expect(bodies).toContain("[DRILL] a kill switch drill of subscription-support is due");
    expect(received.find(({ path }) => path === "/hook")?.body).toMatchObject({
      type: "clawproof.reminder",
      data: { drill: true, by: "kim", reason: expect.stringContaining("OVERDUE since 2026-11-17") },
    });
    expect(stdout).toContain("told webhook 127.0.0.1");
    expect(stdout).toContain("not proved that anybody reads the channel");
    expect(stdout).toContain("accepted (queued)");
    expect(status).toBe(1);
  });

  it("says where nobody took it", async () => {
    const { status, stdout } = await routed([], 500);
    expect(stdout.match(/failed: answered 500/g)).toHaveLength(3);
    expect(status).toBe(1);
  });

  it("tells nobody where none is due", async () => {
    const { received, status, stdout } = await routed([signed(drillDaysAgo(1))]);
    expect(received).toEqual([]);
    expect(stdout).toContain("not due: nobody was told");
    expect(status).toBe(0);
  });
});

describe("remind --ics", () => {
  const written = async (folder: string): Promise<string> => {
    await runIn(folder, "remind", "--ics", "drills.ics");
    return readFile(join(folder, "drills.ics"), "utf8");
  };

  it("writes the due date, the same text for the same drills", async () => {
    const folder = await folderOf([signed(drillDaysAgo(12))]);
    const first = await written(folder);
    expect(first).toContain("DTSTART;VALUE=DATE:20261215\r\n");
    expect(first).toContain("TRIGGER:-P7D\r\n");
    expect(await written(folder)).toBe(first);
  });

  it("moves the same event after the next drill", async () => {
    const line = (name: string, text: string) => new RegExp(`^${name}.*$`, "m").exec(text)?.[0] ?? "";
    const before = await written(await folderOf([signed(drillDaysAgo(12))]));
    const after = await written(await folderOf([signed(drillDaysAgo(12)), signed(drillDaysAgo(1))]));
    const missing = await written(await folderOf([signed(drillDaysAgo(12)), signed(drillDaysAgo(1, FAILED))]));
    expect(line("UID", after)).toBe(line("UID", before));
    expect(line("DTSTART", after)).toContain("20261226");
    expect(line("DTSTART", missing)).toContain("20261122");
    const sequence = (text: string) => Number(line("SEQUENCE", text).split(":")[1]);
    expect(sequence(before)).toBeLessThan(sequence(after));
    expect(missing.replaceAll("\r\n ", "")).toContain(
      "It is due now: it did not hold: the agent did not stop. Hold it with",
    );
  });
});
