import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { publishedSwitchSchema } from "../../src/config/json-schema.ts";
import { isAddressRange, parseListen } from "../../src/config/listening.ts";
import { InvalidConfig } from "../../src/config/problems.ts";
import { loadSwitchConfig, switchConfigFromText, type SwitchProject } from "../../src/config/switch-config.ts";
import { fill } from "../../src/config/template.ts";
import { afterThis } from "../doors/servers.ts";

function load(text: string, env: Record<string, string> = {}): Promise<SwitchProject> {
  return switchConfigFromText(text, { file: "/srv/stop/switch.yaml", shownFile: "switch.yaml", env });
}

/** `LINE:COLUMN message` of every problem. */
async function problems(text: string, env?: Record<string, string>): Promise<string[]> {
  try {
    await load(text, env);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return error.problems.map(({ location, message }) => `${location.line}:${location.column} ${message}`);
  }
}

const WHOLE = `version: 1
switch:
  name: stop the agents
  listen: "[::]:\${PORT:-4600}"
  data: state/switch.db
  tls: { cert: tls/cert.pem, key: /etc/stop/key.pem }
  publicUrl: https://stop.example.net/
  behindProxy: [10.0.0.7, 10.1.0.0/16, "fd00::/8"]
  lease: 10s
  alerts:
    - { webhook: "https://news.example.net/\${NEWS_KEY}" }
    - { webhook: { url: "https://news.example.net/in", secret: "\${HOOK_SECRET}" } }
    - { slack: "\${SLACK_URL}" }
    - { pagerduty: "\${ROUTING_KEY}" }
    - { pagerduty: { routingKey: "\${ROUTING_KEY}", url: "http://127.0.0.1:4700/v2/enqueue" } }
secrets: { NEWS_KEY: { file: news.key } }
http: { timeout: 5s }
`;

describe("switch.yaml", () => {
  it("gives every setting, paths made absolute and texts filled, those of the alerts excepted", async () => {
    const project = await load(WHOLE, { PORT: "4601", SLACK_URL: "https://slack.example.net/x" });
    const { settings, context } = project;
    expect(settings).toEqual({
      name: "stop the agents",
      listen: { host: "::", port: 4601 },
      data: "/srv/stop/state/switch.db",
      tls: { cert: "/srv/stop/tls/cert.pem", key: "/etc/stop/key.pem" },
      publicUrl: "https://stop.example.net",
      behindProxy: ["10.0.0.7", "10.1.0.0/16", "fd00::/8"],
      leaseMs: 10_000,
      alerts: expect.any(Array),
    });
    expect(settings.alerts.map((route) => Object.keys(route)[0])).toEqual([
      "webhook",
      "webhook",
      "slack",
      "pagerduty",
      "pagerduty",
    ]);
    expect(settings.alerts[2]).toEqual({ slack: "${SLACK_URL}" });
    expect(context).toMatchObject({ http: { timeout: 5_000 }, directory: "/srv/stop" });
    expect(project.where(["switch", "alerts", 2])).toMatchObject({ file: "switch.yaml", line: 13 });
  });

  it("has defaults for all of them, with a file and without one", async () => {
    const settings = {
      name: "kill switch",
      listen: { host: "127.0.0.1", port: 4600 },
      data: null,
      tls: null,
      publicUrl: null,
      behindProxy: [],
      leaseMs: 15_000,
      alerts: [],
    };
    expect((await load("switch: {}\n")).settings).toEqual(settings);
    const without = await loadSwitchConfig({ file: null, cwd: "/srv", env: {} });
    expect(without).toMatchObject({ settings, shownFile: null, context: { directory: "/srv", http: {} } });
  });

  it("looks secrets up in its files and the environment, and hides them", async () => {
    const folder = await mkdtemp(join(tmpdir(), "clawproof-switch-config-"));
    afterThis(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "news.key"), "from-the-file\n");
    await writeFile(join(folder, "switch.yaml"), WHOLE);
    const { context, shownFile } = await loadSwitchConfig({
      file: "switch.yaml",
      cwd: folder,
      env: { HOOK_SECRET: "from-the-environment" },
    });
    expect(shownFile).toBe("switch.yaml");
    expect(await fill("${NEWS_KEY} ${HOOK_SECRET}", context)).toBe("from-the-file from-the-environment");
    expect(context.secrets.redact("from-the-file, from-the-environment")).toBe("${NEWS_KEY}, ${HOOK_SECRET}");
  });

  it("has a published schema, which is what the loader checks with", () => {
    const published: unknown = JSON.parse(readFileSync(resolve("schema/switch.schema.json"), "utf8"));
    expect(published).toEqual(JSON.parse(JSON.stringify(publishedSwitchSchema())));
  });
});

describe("what is wrong in it is named with line and column", () => {
  it.each([
    ["empty", "", "1:1 the file is empty; it needs at least `switch: {}`"],
    ["no section", "http: {}\n", "1:1 `switch` is missing: expected a map"],
    ["an unknown key", "switch: { listne: x }\n", "1:11 unknown key `listne`; did you mean `listen`?"],
    [
      "a section of clawproof.yaml",
      "switch: {}\nagent: {}\n",
      "2:1 unknown key `agent`; known here: version, switch, secrets, http",
    ],
    ["a port alone", "switch: { listen: 4600 }\n", "1:19 expected text, found the number 4600 (put it in quotes)"],
    ["a lease too short", "switch: { lease: 500ms }\n", "1:18 expected a lease from 1s to 30s"],
    ["a lease too long", "switch: { lease: 1m }\n", "1:18 expected a lease from 1s to 30s"],
    ["no duration", "switch: { lease: soon }\n", "1:18 expected a duration such as 500ms, 30s, 5m, 3h, 31d or 2w"],
    ["half of TLS", "switch: { tls: { cert: a.pem } }\n", "1:11 `key` is missing: expected text"],
    [
      "a public name",
      "switch: { publicUrl: stop.example.net }\n",
      "1:22 expected a URL that begins with https:// or http://",
    ],
    [
      "a proxy's name",
      "switch: { behindProxy: [proxy.internal] }\n",
      "1:25 expected an address or a range of them, such as 10.0.0.7, 10.0.0.0/8 or fd00::/8",
    ],
    [
      "a route that is no URL",
      "switch: { alerts: [{ slack: '#ops' }] }\n",
      "1:29 expected a URL that begins with https:// or http://",
    ],
    ["a misspelt secret", 'switch: { name: "${name}" }\n', "1:17 unknown placeholder `${name}`"],
    [
      "a placeholder",
      'switch: { alerts: [{ slack: "https://x.example/${scope}" }] }\n',
      "1:29 `${scope}` has no value in switch.yaml; secrets stand in capitals",
    ],
  ])("%s", async (_, text, expected) => {
    const found = await problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]?.startsWith(expected), found[0]).toBe(true);
  });

  it("an unknown route, with those that there are", async () => {
    expect(await problems("switch: { alerts: [{ email: a@b.example }] }\n")).toContain(
      "1:22 unknown key `email`; known here: webhook, slack, pagerduty",
    );
  });

  it("what shows only once secrets are filled in", async () => {
    const text = 'switch:\n  listen: "${WHERE}"\n  behindProxy: ["${PROXY}"]\n';
    expect(await problems(text, { WHERE: "nowhere" })).toEqual([
      "2:11 expected HOST:PORT such as 127.0.0.1:4600, [::1]:4600 or :4600 (this machine alone); port 0 picks one",
      "3:17 PROXY is not set",
    ]);
    expect(await problems(text, { WHERE: ":0", PROXY: "10.0.0.7" })).toEqual([]);
  });

  it("all at once, in the order of the file, with a caret", async () => {
    const text = "switch: { listne: x, lease: 2m }\nhttps: {}\n";
    expect(await problems(text)).toHaveLength(3);
    await expect(load(text)).rejects.toThrow("\n  2 | https: {}\n    | ^");
  });

  it("a file that is not there", async () => {
    await expect(loadSwitchConfig({ file: "no.yaml", cwd: tmpdir(), env: {} })).rejects.toThrow(
      "no.yaml:1:1: there is no such file",
    );
  });
});

describe("addresses", () => {
  it.each([
    ["127.0.0.1:4600", { host: "127.0.0.1", port: 4600 }],
    [":0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:4600", { host: "::1", port: 4600 }],
    ["stop.internal:443", { host: "stop.internal", port: 443 }],
    ["0.0.0.0:65535", { host: "0.0.0.0", port: 65_535 }],
    ["127.0.0.1:65536", null],
    ["127.0.0.1", null],
    ["::1:4600", null],
    ["[::g]:1", null],
    ["http://127.0.0.1:4600", null],
  ])("listens on %s", (text, address) => {
    expect(parseListen(text)).toEqual(address);
  });

  it("knows an address and a range from anything else", () => {
    for (const good of ["10.0.0.7", "0.0.0.0/0", "10.0.0.0/32", "::1", "fd00::/8", "::ffff:10.0.0.1"])
      expect(isAddressRange(good), good).toBe(true);
    for (const bad of ["10.0.0", "10.0.0.256", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "a.example", "", "::1/8/8"])
      expect(isAddressRange(bad), bad).toBe(false);
  });
});
