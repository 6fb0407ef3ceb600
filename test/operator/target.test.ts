import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chooseTarget, nameOfTarget } from "../../src/operator/target.ts";

const OWN = `version: 1
agent: { name: support }
secrets: { STOP_TOKEN: { file: token } }
killSwitch: { provider: clawproof, url: "https://stop.\${environment}.example.net/ops/", token: "\${STOP_TOKEN}" }
environments: { staging: {} }
`;
const FOREIGN = `version: 1
agent: { name: support, url: "http://127.0.0.1:1" }
bench: true
killSwitch:
  status: { url: "http://127.0.0.1:2/real?scope=\${scope}", stopped: "" }
  activate: { url: "http://127.0.0.1:2/stop?scope=\${scope}", method: POST }
  release: { url: "http://127.0.0.1:2/go?scope=\${scope}", method: POST }
  rehearse:
    scope: drill/support
    status: { url: "http://127.0.0.1:2/twin?scope=\${scope}", stopped: "" }
    activate: { url: "http://127.0.0.1:2/twin?scope=\${scope}", method: POST }
    release: { url: "http://127.0.0.1:2/twin?scope=\${scope}", method: POST }
`;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "clawproof-target-"));
  await mkdir(join(cwd, ".git"));
  await writeFile(join(cwd, "token"), "from-the-file\n");
  await writeFile(join(cwd, "own.yaml"), OWN);
  await writeFile(join(cwd, "foreign.yaml"), FOREIGN);
  await writeFile(join(cwd, "none.yaml"), "version: 1\nagent: { name: support }\n");
});
afterAll(() => rm(cwd, { recursive: true }));

const choose = (choice: Parameters<typeof chooseTarget>[0], env: Record<string, string> = {}) =>
  chooseTarget(choice, { cwd, env });

const ENV = { CLAWPROOF_SWITCH_URL: "http://stop.example.net/", CLAWPROOF_TOKEN: "abcdef" };

describe("which switch", () => {
  test("--switch, before the environment, before the configuration", async () => {
    expect(await choose({ switch: "https://other.example.net", config: "own.yaml" }, ENV)).toMatchObject({
      kind: "own",
      url: "https://other.example.net",
      source: "--switch",
    });
    expect(await choose({ config: "own.yaml" }, ENV)).toMatchObject({
      url: "http://stop.example.net",
      source: "CLAWPROOF_SWITCH_URL",
      context: { headers: { authorization: "Bearer abcdef" } },
    });
    expect(await choose({ config: "own.yaml", env: "staging" })).toMatchObject({
      kind: "own",
      url: "https://stop.staging.example.net/ops",
      source: "own.yaml:4",
      context: { headers: { authorization: "Bearer from-the-file" } },
    });
  });

  test("a foreign one acts by its main calls, never by the twins of rehearsals", async () => {
    const target = await choose({ config: "foreign.yaml" });
    expect(target).toMatchObject({
      kind: "foreign",
      killSwitch: { status: { url: expect.stringContaining("/real") } },
    });
    expect(JSON.stringify("killSwitch" in target && target.killSwitch)).not.toContain("twin");
    expect(await nameOfTarget(target, "support")).toBe("POST http://127.0.0.1:2/stop");
  });

  test("its token is hidden in all that it says", async () => {
    const target = await choose({ config: "own.yaml", env: "staging" });
    expect(target.kind === "own" && target.context.secrets.redact("a from-the-file b")).not.toContain("from-the-file");
  });

  test.each([
    [{}, {}, "no switch is named: give --switch URL with CLAWPROOF_TOKEN"],
    [{ config: "none.yaml" }, {}, "none.yaml has no killSwitch"],
    [{ env: "staging" }, {}, "--env staging needs a configuration"],
    [{ switch: "https://x.example" }, {}, "CLAWPROOF_TOKEN is not set"],
    [
      { switch: "stop.example.net" },
      ENV,
      '--switch takes a URL such as https://stop.example.net, not "stop.example.net"',
    ],
    [{ switch: "ftp://user:secret@x/" }, ENV, 'not "ftp://x/"'],
  ])("%j %j", async (choice, env, message) => {
    await expect(choose(choice, env)).rejects.toThrow(message);
    await expect(choose(choice, env)).rejects.toMatchObject({ name: "SwitchProblem", kind: "refused" });
  });

  test("a token that is not set is named", async () => {
    await rm(join(cwd, "token"));
    await expect(choose({ config: "own.yaml", env: "staging" })).rejects.toThrow("STOP_TOKEN is not set");
  });
});
