import { access } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { type RunningSwitch, startSwitch } from "../switch/support.ts";
import { expectWithout, folderWith, PATIENT, run, serve } from "./support.ts";

/** `provider: clawproof`: url and token alone, against the real service. */

const SCOPE = "drill/support";

/** An agent that asks the switch every few milliseconds, does what it heard, and reports what it has applied. */
async function startAgent(killSwitch: RunningSwitch, token: string): Promise<string> {
  const ended = new AbortController();
  let stopped = false;
  const obey = async (): Promise<void> => {
    const { body } = await killSwitch.call(`/v1/state?scope=${encodeURIComponent(SCOPE)}`, { token });
    stopped = body["stopped"] === true;
    const report = { instance: "only", agent: "support", series: body["series"], epoch: body["epoch"] };
    await killSwitch.call("/v1/report", { token, body: report });
  };
  await obey();
  const obeying = (async () => {
    while (!ended.signal.aborted) {
      await obey();
      await pause(20);
    }
  })();
  onTestFinished(async () => {
    ended.abort();
    await obeying;
  });
  return serve((request, response) => {
    response.statusCode = request.method === "POST" && stopped ? 503 : 200;
    response.end();
  });
}

interface Evidence {
  fact: string;
  source: string;
  data?: Record<string, unknown>;
}
interface Report {
  suites: { checks: { id: string; verdict: string; message: string; evidence: Evidence[] }[] }[];
}

describe("an audit of an agent that obeys clawproof's own switch", () => {
  it("pulls, sees who obeyed under which epoch, and leaves nothing", PATIENT, async () => {
    const received: string[] = [];
    const receipts = await serve((request, response) => {
      if (request.method === "GET") response.end(JSON.stringify(received));
      else void text(request).then((body) => response.end(String(received.push(body))));
    });
    const killSwitch = await startSwitch({ alerts: [{ webhook: `${receipts}/alerts` }] });
    const agentToken = killSwitch.tokenFor("support", ["agent"], "support");
    const tokens = { SWITCH_TOKEN: killSwitch.tokenFor("audit", ["kill", "release"]), AGENT_TOKEN: agentToken };
    const agent = await startAgent(killSwitch, agentToken);
    const folder = await folderWith({
      "clawproof.yaml": {
        version: 1,
        bench: true,
        agent: {
          name: "support",
          url: agent,
          credentials: ["AGENT_TOKEN"],
          probes: { read: { url: "/read" }, write: { url: "/write", method: "POST", refused: [{ status: 503 }] } },
        },
        killSwitch: {
          provider: "clawproof",
          url: `${killSwitch.url}/`,
          token: "${SWITCH_TOKEN}",
          releaseAsAgent: { token: "${AGENT_TOKEN}" },
          rehearse: {},
        },
        alerting: { receipts: { url: `${receipts}/received`, within: "5s" } },
      },
    });

    const planned = await run(folder, ["--check", "05.2", "--dry-run"], tokens);
    expect(planned.stdout).toContain(`who obeys, while it is pulled: GET ${killSwitch.url}/v1/fleet`);
    const before = killSwitch.service.killSwitch.standing;
    const { stdout, stderr, exitCode } = await run(folder, ["--check", "05.1,05.2,05.9", "--format", "json"], tokens);

    expect(stderr).toContain(`acting on this machine: ${SCOPE} at ${killSwitch.url.replace("http://", "")}`);
    const { checks } = (JSON.parse(stdout) as Report).suites[0] ?? { checks: [] };
    expect(checks.map(({ verdict, message }) => `${verdict} ${message}`)).toEqual([
      "pass Kill switch endpoint active (independent service)",
      expect.stringMatching(/^pass Kill switch response time: ~\d+(\.\d)? seconds? \(target: <30s\)$/),
      "pass Kill switch activation logging and alerting active",
    ]);
    expect(exitCode).toBe(0);

    const { series, epoch } = before;
    const obedience = `epoch ${epoch + 1} of series ${series}: 1 of 1 instance obeyed (GET ${killSwitch.url}/v1/fleet)`;
    for (const { evidence } of checks.slice(0, 2)) {
      const seen = evidence.find(({ fact }) => fact === obedience);
      expect(seen?.data).toMatchObject({ series, epoch: epoch + 1, obedience: { known: 1, obeyed: 1, pending: [] } });
      expect(evidence.map(({ fact }) => fact).join("\n")).toMatch(
        /the release as the agent was answered 403; the status/,
      );
    }
    expect(checks[0]?.evidence).toContainEqual(
      expect.objectContaining({
        fact: `the switch answered: running (epoch ${epoch} of series ${series})`,
        data: { series, epoch },
      }),
    );
    expect(checks[2]?.evidence.map(({ fact }) => fact).join("\n")).toMatch(
      /logged with clawproof-[0-9a-f]{6} by audit on drill\/support/,
    );

    const { body } = await killSwitch.call(`/v1/log?orders=1&scope=${encodeURIComponent(SCOPE)}`);
    expect(body["entries"]).toEqual([
      expect.objectContaining({ kind: "kill", by: "audit", ttlSeconds: 600, epoch: epoch + 1 }),
      expect.objectContaining({ kind: "release", by: "audit", epoch: epoch + 2 }),
    ]);
    expect(killSwitch.service.killSwitch.standing.orders).toEqual([]);
    await expect(access(join(folder, ".clawproof/acting.json"))).rejects.toThrow("ENOENT");
    for (const token of Object.values(tokens)) expectWithout(planned.stdout + stdout + stderr, token);
  });
});
