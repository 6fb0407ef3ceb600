import { writeFile } from "node:fs/promises";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gatherKillSwitch } from "../../src/evidence/kill-switch.ts";
import { serve } from "../doors/servers.ts";
import { folderForTest, gatheringFrom, valueOf } from "./support.ts";

interface Written {
  agentUrl?: string;
  agent?: string;
  status?: string;
  activate?: string;
  more?: string;
  url?: string;
}

const AGENT_URL = "http://127.0.0.1:4100";

function yamlOf({
  agentUrl = AGENT_URL,
  agent = "credentials: [AGENT_TOKEN]",
  url = "http://127.0.0.1:9",
  ...rest
}: Written): string {
  return `version: 1
agent:
  name: support
  url: ${agentUrl}
  ${agent}
killSwitch:
  credentials: [SWITCH_TOKEN]
  status: ${rest.status ?? `{ url: "${url}/state?scope=\${scope}", stopped: /stopped }`}
  activate: ${rest.activate ?? `{ url: "${url}/stop", method: POST, json: { scope: "\${scope}" } }`}
  release: { url: "${url}/resume?scope=\${scope}", method: POST }
${rest.more ?? ""}`;
}

async function gather(written: Written, overrides: Parameters<typeof gatheringFrom>[2] = {}) {
  return gatherKillSwitch(gatheringFrom(await folderForTest(), yamlOf(written), overrides));
}

const answering = (body: string, status = 200) => serve((_, response) => response.writeHead(status).end(body));

describe("gatherKillSwitch", () => {
  it("is absent where none is configured", async () => {
    const head = "version: 1\nagent: { name: support }\n";
    expect(await gatherKillSwitch(gatheringFrom(await folderForTest(), head))).toMatchObject({ state: "absent" });
  });

  it("asks our own at its address, and names the newest order", async () => {
    const asked: (string | undefined)[] = [];
    const { url } = await serve(({ url: path, headers }, response) => {
      asked.push(path, headers.authorization);
      response.end('{"series": "3f9a", "epoch": 12, "mode": "running", "stopped": false, "covering": []}');
    });
    const own = `version: 1
agent: { name: support, url: "${AGENT_URL}", credentials: [AGENT_TOKEN] }
killSwitch: { provider: clawproof, url: "${url}/stop/", token: "\${SWITCH_TOKEN}" }
`;
    const env = { SWITCH_TOKEN: "a-token-of-the-switch" };
    const fact = await gatherKillSwitch(gatheringFrom(await folderForTest(), own, { env }));
    expect(asked).toEqual(["/stop/v1/state?scope=support", "Bearer a-token-of-the-switch"]);
    expect(valueOf(fact)).toMatchObject({
      status: { answered: true, stopped: false },
      newest: { series: "3f9a", epoch: 12 },
      kind: "deny",
      sharedCredentials: [],
      credentialsUnlisted: null,
      deployTool: null,
    });
    expect(fact).toMatchObject({
      evidence: expect.arrayContaining([
        expect.objectContaining({
          fact: "the switch answered: running (epoch 12 of series 3f9a)",
          data: { series: "3f9a", epoch: 12 },
        }),
      ]),
    });
  });

  it("asks the status about the agent, and reads whether it is stopped", async () => {
    const asked: string[] = [];
    const { url } = await serve((request, response) => {
      asked.push(request.url ?? "");
      response.end('{"stopped": false}');
    });
    const facts = valueOf(await gather({ url }));
    expect(facts.status).toEqual({ answered: true, stopped: false, source: `GET ${url}/state` });
    expect(asked).toEqual(["/state?scope=support"]);
    expect(facts).toMatchObject({
      commonOrigins: [],
      sharedCredentials: [],
      credentialsUnlisted: null,
      deployTool: null,
    });
    expect(facts).toMatchObject({ bench: false, hostsKnown: true, kind: null });
  });

  it.each([
    ["a word", '{"stopped": "perhaps"}', { answered: true, stopped: null }],
    ["nothing there", "{}", { answered: false }],
    ["HTML", "<html>sign in</html>", { answered: false, why: "answered HTML, not JSON" }],
  ])("does not take %s for an answer", async (_, body, status) => {
    const { url } = await answering(body);
    expect(valueOf(await gather({ url })).status).toMatchObject(status);
  });

  it("tells unreachable from a secret that is missing", async () => {
    const { url } = await answering("{}", 502);
    expect(valueOf(await gather({ url })).status).toMatchObject({ answered: false, why: "answered 502" });
    expect(valueOf(await gather({})).status).toMatchObject({ answered: false });
    const status = `{ url: "${url}/state?scope=\${scope}", headers: { authorization: "Bearer \${SWITCH_TOKEN}" }, stopped: /stopped }`;
    expect(valueOf(await gather({ url, status })).status).toMatchObject({
      answered: null,
      why: "SWITCH_TOKEN is not set",
    });
  });

  it("sees an origin in common, under whatever name of this machine", async () => {
    const { url } = await answering('{"stopped": false}');
    expect(valueOf(await gather({ url, agentUrl: url })).commonOrigins).toEqual([url]);
    const other = url.replace("127.0.0.1", "localhost");
    expect(valueOf(await gather({ url, agentUrl: other })).commonOrigins).toEqual([url]);
  });

  it.each([
    ["a word that is a URL", '[curl, -X, POST, "AGENT/stop?scope=${scope}"]'],
    ["an option that holds one", '[stopctl, "--url=AGENT", "${scope}"]'],
    ["one that begins with a secret", '[curl, "${AGENT_BASE}/stop?scope=${scope}"]'],
  ])("sees what a command is told to call: %s", async (_, words) => {
    const { url } = await answering('{"stopped": false}');
    const activate = `{ command: ${words.replace("AGENT/", `${AGENT_URL}/`).replace('AGENT"', `${AGENT_URL}"`)} }`;
    const facts = valueOf(await gather({ url, activate }, { env: { AGENT_BASE: AGENT_URL } }));
    expect(facts.commonOrigins).toEqual([AGENT_URL]);
    const elsewhere = activate.replaceAll(AGENT_URL, "http://127.0.0.1:4200");
    expect(valueOf(await gather({ url, activate: elsewhere })).commonOrigins).toEqual([]);
  });

  it("sees addresses in common", async () => {
    const { url } = await answering('{"stopped": false}');
    expect(valueOf(await gather({ url, agentUrl: "http://localhost:4100" })).hosts.common).toContain("127.0.0.1");
    // Another address, and yet the same machine.
    expect(valueOf(await gather({ url, agentUrl: "http://127.0.0.2:4100" })).hosts.common).toEqual(["127.0.0.1"]);
    const facts = valueOf(await gather({ url, agentUrl: "http://agent.invalid" }));
    expect(facts.hosts).toEqual({ common: [], unresolved: "agent.invalid was not found" });
  });

  it("sees a shared credential by name, by value, and where pulling uses it unlisted", async () => {
    const { url } = await answering('{"stopped": false}');
    const byName = { url, agent: "credentials: [SWITCH_TOKEN, OTHER]" };
    expect(valueOf(await gather(byName)).sharedCredentials).toEqual(["SWITCH_TOKEN"]);
    const env = { AGENT_TOKEN: "the-same-value", SWITCH_TOKEN: "the-same-value" };
    const byValue = await gather({ url }, { env });
    expect(valueOf(byValue).sharedCredentials).toEqual(["SWITCH_TOKEN (the same value as AGENT_TOKEN)"]);
    expect(JSON.stringify(byValue)).not.toContain("the-same-value");
    const activate = `{ url: "${url}/stop?scope=\${scope}", headers: { authorization: "\${AGENT_TOKEN}" } }`;
    expect(valueOf(await gather({ url, activate })).sharedCredentials).toEqual(["AGENT_TOKEN"]);
  });

  it("says whose credentials nobody listed", async () => {
    const { url } = await answering('{"stopped": false}');
    expect(valueOf(await gather({ url, agent: "credentials: []" })).credentialsUnlisted).toBe(
      "agent.credentials not listed",
    );
  });

  it("names the deploy that an activation is", async () => {
    const { url } = await answering('{"stopped": false}');
    const activate = '{ command: [sh, -c, "kubectl scale deploy/agent --replicas=0 # ${scope}"] }';
    expect(valueOf(await gather({ url, activate })).deployTool).toBe("kubectl");
  });

  it("opens nothing and runs nothing offline, and still says what the file shows", async () => {
    const folder = await folderForTest();
    const ran = join(folder, "ran");
    await writeFile(
      join(folder, "secret.mjs"),
      `import "node:fs"; (await import("node:fs")).writeFileSync(${JSON.stringify(ran)}, ""); console.log("x")`,
    );
    const more = "secrets: { SWITCH_TOKEN: { command: [node, secret.mjs] } }\n";
    const { url } = await serve(() => {
      throw new Error("was asked");
    });
    const offline = (written: Written) =>
      gatherKillSwitch(gatheringFrom(folder, yamlOf({ url, more, ...written }), { mode: "offline" }));
    expect(await offline({})).toMatchObject({ state: "withheld" });
    const facts = valueOf(await offline({ agent: "credentials: [SWITCH_TOKEN]" }));
    expect(facts).toMatchObject({ sharedCredentials: ["SWITCH_TOKEN"], status: { answered: null, why: "--offline" } });
    await expect(access(ran)).rejects.toThrow("ENOENT");
  });
});
