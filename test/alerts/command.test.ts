import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Interrupted } from "../../src/evidence/gathering.ts";
import { alertsTest, type AlertsTestFlags } from "../../src/commands/alerts.ts";
import { surroundingsOf } from "../commands/support.ts";
import { afterThis, nobody } from "../doors/servers.ts";
import { answering, receiver } from "./support.ts";

interface Given {
  yaml?: string;
  env?: Record<string, string>;
  signal?: AbortSignal;
}

async function run(flags: Partial<AlertsTestFlags>, { yaml, env = {}, ...rest }: Given = {}) {
  const cwd = await mkdtemp(join(tmpdir(), "clawproof-alerts-"));
  afterThis(() => rm(cwd, { recursive: true, force: true }));
  if (yaml !== undefined) await writeFile(join(cwd, "clawproof.yaml"), yaml);
  const surroundings = surroundingsOf([], { cwd, env, ...rest });
  const status = await alertsTest({ format: "terminal", ...flags }, surroundings);
  return { status, stdout: surroundings.stdout.text, stderr: surroundings.stderr.text };
}

const CLOSING = "Only what is printed here was proved: look whether the test has arrived.\n";
const PROJECT = "version: 1\nagent: { name: support-agent }\n";

describe("clawproof alerts test without a switch of ours", () => {
  it("sends a test along each of alerting.routes and prints what that proved", async () => {
    const [slack, pagerduty] = [await receiver(answering(200, "ok")), await receiver(answering(202))];
    const yaml = `${PROJECT}alerting: { routes: [{ slack: "\${SLACK_URL}" }, { pagerduty: { routingKey: "\${KEY}", url: "${pagerduty.url}" } }] }\n`;
    const env = { SLACK_URL: `${slack.url}/services/s3cret`, KEY: "k".repeat(32), GITHUB_ACTOR: "maria" };
    const { status, stdout, stderr } = await run({}, { yaml, env });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(
      "slack: delivered: Slack posted it; not proved that anybody reads the channel\n" +
        "pagerduty: accepted (queued): the routing key was not refused (a change event, which pages nobody); not proved that anybody is paged\n" +
        CLOSING,
    );
    expect(slack.received[0]?.body).toContain("Test alert: nothing was stopped");
    expect(pagerduty.received[0]).toMatchObject({
      path: "/v2/change/enqueue",
      body: expect.stringContaining("by maria: clawproof alerts test"),
    });
  });

  it("ends with 1 where a route failed, and shows no secret", async () => {
    const [good, bad] = [await receiver(), await receiver(answering(403, "s3cret-path is wrong"))];
    const yaml = `${PROJECT}alerting: { routes: [{ webhook: "${good.url}" }, { webhook: "${bad.url}/s3cret-path" }] }\n`;
    const { status, stdout } = await run({ format: "json" }, { yaml });
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      outcomes: [
        { route: `webhook ${good.host}`, outcome: "delivered" },
        { route: `webhook ${bad.host}`, outcome: "failed", words: expect.stringContaining("answered 403") },
      ],
    });
    expect(stdout).not.toContain("s3cret");
  });

  it("ends with 2 where there is nothing to test, and says what to do", async () => {
    expect(await run({})).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("--switch URL") });
    expect(await run({}, { yaml: PROJECT })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("clawproof.yaml has no alerting.routes"),
    });
  });

  it("is interrupted in the middle of a delivery", async () => {
    const hanging = await receiver(() => undefined);
    const interrupt = new AbortController();
    const running = run(
      {},
      { yaml: `${PROJECT}alerting: { routes: [{ webhook: "${hanging.url}" }] }\n`, signal: interrupt.signal },
    );
    await hanging.after(1);
    interrupt.abort();
    await expect(running).rejects.toThrow(Interrupted);
  });

  it("refuses a format that it does not have", async () => {
    await expect(run({ format: "xml" }, { yaml: PROJECT })).rejects.toThrow('unknown format "xml"');
  });
});

describe("clawproof alerts test with a switch of ours", () => {
  const outcomes = [{ route: "slack", outcome: "delivered", words: "Slack posted it\u001b[2J" }];
  const token = { CLAWPROOF_TOKEN: "operator-token-1" };

  it("asks the switch that --switch names, signed in", async () => {
    const { url, received } = await receiver(answering(200, JSON.stringify({ outcomes })));
    const { status, stdout } = await run({ switch: url }, { env: token });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `slack: delivered: Slack posted it [2J\n${CLOSING}` });
    expect(received[0]).toMatchObject({
      method: "POST",
      path: "/v1/alerts/test",
      headers: { authorization: "Bearer operator-token-1", "content-type": "application/json" },
    });
  });

  it("asks the one of the configuration, and sends nothing itself", async () => {
    const [own, hook] = [await receiver(answering(200, JSON.stringify({ outcomes }))), await receiver()];
    const yaml = `${PROJECT}killSwitch: { provider: clawproof, url: "${own.url}", token: "\${TOKEN}" }\nalerting: { routes: [{ webhook: "${hook.url}" }] }\n`;
    expect(await run({}, { yaml, env: { TOKEN: "operator-token-1" } })).toMatchObject({ status: 0 });
    expect(own.received).toHaveLength(1);
    expect(hook.received).toHaveLength(0);
  });

  it("ends with 2 where that has no alerts or refuses, with 3 where none answers", async () => {
    const bare = await receiver(answering(200, '{"outcomes":[]}'));
    expect(await run({ switch: bare.url }, { env: token })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("has no alerts"),
    });
    const strict = await receiver(answering(403, '{"error":"this token has not the role kill"}'));
    expect(await run({ switch: strict.url }, { env: token })).toMatchObject({
      status: 2,
      stderr: "clawproof: this token has not the role kill\n",
    });
    expect(await run({ switch: await nobody() }, { env: token })).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("connection refused"),
    });
  });
});
