import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadProject, projectFromText } from "../../src/config/load.ts";
import { InvalidConfig } from "../../src/config/problems.ts";
import type { Project } from "../../src/config/project.ts";

const contract = (name: string): string => readFileSync(join(import.meta.dirname, "contract", `${name}.yaml`), "utf8");

function load(text: string, environment?: string, env: Record<string, string> = {}): Project {
  const options = { file: "/project/clawproof.yaml", shownFile: "clawproof.yaml", cwd: "/project", env };
  return projectFromText(text, environment === undefined ? options : { ...options, environment });
}

/** `LINE:COLUMN message` of every problem. */
function problems(text: string, environment?: string): string[] {
  try {
    load(text, environment);
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return error.problems.map(({ location, message }) => `${location.line}:${location.column} ${message}`);
  }
  return [];
}

const base = "version: 1\nagent: { name: support, url: http://127.0.0.1:4100 }\n";
const probes = `version: 1
agent:
  name: support
  url: http://127.0.0.1:4100
  probes: { write: { url: /note, method: POST } }
`;
const scoped = (rehearse: string): string => `${probes}killSwitch:
  status: { url: "http://127.0.0.1:4200/s?scope=\${scope}", stopped: /stopped }
  activate: { url: "http://127.0.0.1:4200/stop", method: POST, json: { scope: "\${scope}" } }
  release: { url: "http://127.0.0.1:4200/go", method: POST, json: { scope: "\${scope}" } }
  rehearse: ${rehearse}
`;

describe("every YAML block of the contract loads", () => {
  for (const name of ["project", "environments", "rollback", "drills"]) {
    it(name, () => {
      expect(problems(contract(name))).toEqual([]);
    });
  }

  it("environments, each one", () => {
    const staging = load(contract("environments"), "staging");
    expect(staging.config.killSwitch).toMatchObject({ rehearse: { samples: 3, scope: "drill/subscription-support" } });
    expect(staging.protected).toBe(false);
    expect(load(contract("environments"), "production").protected).toBe(true);
  });
});

describe("a project", () => {
  it("keeps its strings unfilled, gives durations in milliseconds, and knows where things stand", () => {
    const project = load(contract("project"));
    expect(project.config.policy?.stopWithin).toBe(30_000);
    expect(project.config.killSwitch).toMatchObject({ activate: { json: { reason: "${reason}" } } });
    expect(project.where(["killSwitch"])).toMatchObject({ file: "clawproof.yaml", column: 1 });
    expect(project.where(["killSwitch", "nothing"])).toEqual(project.where(["killSwitch"]));
    expect(project.where(["nothing"])).toEqual({ file: "clawproof.yaml", line: 1, column: 1 });
  });

  it("counts an unknown effect as write", () => {
    const project = load("version: 1\nagent: { name: a, actions: [{ type: x }] }\n");
    expect(project.config.agent.actions).toEqual([{ type: "x", effect: "write" }]);
  });
});

describe("what is wrong is named with line and column", () => {
  const cases: [string, string, string[]][] = [
    ["empty", "", ["1:1 the file is empty; it needs at least `version: 1` and `agent: { name: … }`"]],
    ["only a comment", "# later\n", ["1:1 the file is empty; it needs at least `version: 1` and `agent: { name: … }`"]],
    ["a list", "- a\n", ["1:1 expected a map, found a list"]],
    ["duplicate keys", `${base}bench: true\nbench: true\n`, ["4:1 this key stands here twice; keep one"]],
    ["unknown key, near", `${base}killswitch: {}\n`, ["3:1 unknown key `killswitch`; did you mean `killSwitch`?"]],
    [
      "unknown key in a map with fixed keys",
      `${base}breaker: { keys: { growth: /growth } }\n`,
      [
        "3:20 unknown key `growth`; known here: errorRatePct, anomalyRatePct, volumeSpikeFactor, window, cooldown, minimumSamples, consecutiveFailures, enabled",
      ],
    ],
    ["missing", "version: 1\n", ["1:1 `agent` is missing: expected a map"]],
    [
      "a number for text",
      "version: 1\nagent: { name: 5.10 }\n",
      ["2:16 expected text, found the number 5.1 (put it in quotes)"],
    ],
    ["a reserved name", "version: 1\nagent: { name: drill }\n", ["2:16 this name is reserved"]],
    ["wrong version", `version: 2\nagent: { name: a }\n`, ["1:10 expected 1, found the number 2"]],
    [
      "a wrong effect",
      "version: 1\nagent: { name: a, actions: [{ type: x, effect: wrote }] }\n",
      ['2:48 expected read or write, found the text "wrote"'],
    ],
    [
      "a bad duration",
      `${base}policy: { stopWithin: 30 s }\n`,
      ["3:23 expected a duration such as 500ms, 30s, 5m, 3h, 31d or 2w"],
    ],
    [
      "a number for a duration",
      `${base}policy: { stopWithin: 30 }\n`,
      ["3:23 expected text, found the number 30 (put it in quotes)"],
    ],
    [
      "a pointer without slash",
      `${base}fallback: { template: { text: x, at: y } }\n`,
      ["3:38 expected a JSON Pointer such as /state/stopped"],
    ],
    [
      "unknown placeholder",
      `${base}fallback: { template: "\${scpoe}" }\n`,
      ["3:23 unknown placeholder `${scpoe}`; did you mean `${scope}`?"],
    ],
    [
      "unknown key in a request",
      "version: 1\nagent: { name: a, probes: { read: { url: /x, metod: GET } } }\n",
      ["2:46 unknown key `metod`; did you mean `method`?"],
    ],
    [
      "request and command",
      "version: 1\nagent: { name: a, probes: { read: { url: /x, command: [a] } } }\n",
      ["2:46 `command` cannot stand beside the other keys here"],
    ],
  ];
  for (const [name, text, expected] of cases) {
    it(name, () => {
      expect(problems(text)).toEqual(expected);
    });
  }

  it("not YAML", () => {
    expect(problems("version: 1\nagent: { name: [a\n")[0]).toMatch(/^\d+:\d+ not YAML: /);
  });

  it("all at once, in the order of the file", () => {
    expect(problems("version: 1\nagnt: {}\nagent: { name: drill, urk: x }\nwaiver: []\n")).toHaveLength(4);
  });

  it("shows the line with a caret", () => {
    expect(() => load(`${base}killswitch: {}\n`)).toThrow(
      "clawproof.yaml:3:1: unknown key `killswitch`; did you mean `killSwitch`?\n  3 | killswitch: {}\n    | ^",
    );
  });

  it("a bomb of aliases", () => {
    const lines = ["a: &a [x,x,x,x,x,x,x,x,x]"];
    for (let i = 1; i < 9; i++) {
      const [name, before] = [String.fromCharCode(97 + i), String.fromCharCode(96 + i)];
      lines.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(",")}]`);
    }
    expect(problems(lines.join("\n"))[0]).toContain("unfold to too much");
  });

  it("10 MB", () => {
    expect(problems(`${base}# ${"x".repeat(10_000_000)}\n`)).toEqual([
      "1:1 the file is larger than 1 MiB; a configuration is a page or two",
    ]);
  });
});

describe("environments", () => {
  const text = `${base}policy: { stopWithin: 20s, canaryPercent: 3 }
environments:
  staging: { policy: { stopWithin: 10s, canaryPercent: null } }
  production: {}
  live-eu: { protected: false }
`;
  it("maps merge, null removes", () => {
    expect(load(text, "staging").config.policy).toEqual({ stopWithin: 10_000 });
  });
  it("an unknown one is named with the nearest", () => {
    expect(problems(text, "stagin")).toEqual([
      "4:1 no environment `stagin` stands under environments: did you mean staging?",
    ]);
  });
  it("prod… and live… are protected unless they say otherwise", () => {
    expect(load(text, "production").protected).toBe(true);
    expect(load(text, "live-eu").protected).toBe(false);
    expect(load(text, "staging").protected).toBe(false);
    expect(load(text).protected).toBe(false);
  });
  it("mistakes in a block that is not chosen are named too", () => {
    expect(problems(`${base}environments:\n  staging: { polcy: {} }\n`)).toEqual([
      "4:14 unknown key `polcy`; did you mean `policy`?",
    ]);
  });
});

describe("the faults of drills", () => {
  const faults = (text: string): string => `${scoped("{}")}drills:\n  faults: ${text}\n`;

  it("take a pid file, or commands, and a way to start again", () => {
    expect(problems(faults("{ agent: { pidFile: run/agent.pid, restart: supervisor } }"))).toEqual([]);
    expect(problems(faults("{ agent: { pidFile: run/agent.pid, restart: { command: [./start] } } }"))).toEqual([]);
    const commands = "{ freeze: { command: [./f] }, thaw: { command: [./t] }, kill: { command: [./k] } }";
    expect(problems(faults(`{ switch: ${commands} }`))).toEqual([]);
  });

  it("freeze nothing that nobody thaws", () => {
    expect(problems(faults("{ agent: { freeze: { command: [./f] } } }"))).toEqual([
      "12:22 what is frozen must be thawed: it needs drills.faults.agent.thaw",
    ]);
  });

  it("make no requests: a guardian that runs by itself knows commands alone", () => {
    const url = '{ url: "http://127.0.0.1:1/x" }';
    expect(problems(faults(`{ agent: { freeze: ${url}, thaw: ${url} } }`))).not.toEqual([]);
  });

  it("are consent, for the block that contains it and for this machine", () => {
    const away = faults("{ switch: { pidFile: run/switch.pid } }").replaceAll("127.0.0.1:4200", "stop.example.net");
    expect(problems(away).join()).toMatch(/drills.faults.switch at the top level consents only .* stop.example.net/);
    const remote = "{ agent: { kill: { command: [ssh, pod, kill] }, restart: supervisor } }";
    expect(problems(faults(remote)).join()).toContain("drills.faults at the top level consents only");
    const inherited = load(
      `${faults("{ agent: { pidFile: run/agent.pid } }")}environments: { staging: {} }\n`,
      "staging",
    );
    expect(inherited.config.drills).toEqual({});
  });
});

describe("consent", () => {
  it("is not inherited by an environment", () => {
    const text = `${scoped("{ scope: drill/support }")}environments: { staging: {} }\n`;
    expect(load(text).config.killSwitch).toHaveProperty("rehearse");
    expect(load(text, "staging").config.killSwitch).not.toHaveProperty("rehearse");
  });

  it("gets the drill scope of the agent by default", () => {
    expect(load(scoped("{}")).config.killSwitch).toMatchObject({ rehearse: { scope: "drill/support", samples: 1 } });
  });

  it("at the top level holds only for this machine", () => {
    const away = scoped("{}").replace("127.0.0.1:4200/stop", "stop.example.net/stop");
    expect(problems(away).join()).toContain("consents only to targets on this machine, and this is stop.example.net");
    expect(problems(scoped("{}").replace("127.0.0.1:4200/stop", "[::1]:4200/stop"))).toEqual([]);
    expect(problems(away.replace(/ {2}rehearse.*\n/, ""))).toEqual([]);
  });

  it("looks through variables to the host", () => {
    const text = scoped("{}").replace("http://127.0.0.1:4200/stop", "${STOP_URL:-http://127.0.0.1:4200}/stop");
    const options = { file: "/p/clawproof.yaml", shownFile: "clawproof.yaml", cwd: "/p" };
    expect(problems(text)).toEqual([]);
    expect(() => projectFromText(text, { ...options, env: { STOP_URL: "https://stop.example.net" } })).toThrow(
      "stop.example.net",
    );
  });

  it("a command that acts on other machines is away", () => {
    const text = scoped("{}").replace(/activate: .*/, 'activate: { command: [kubectl, delete, "${scope}"] }');
    expect(problems(text).join()).toContain("kubectl");
  });

  it.each([
    ["ssh", '[ssh, stop.example.net, "stop ${scope}"]'],
    ["stop.example.net", '[curl, -X, POST, "https://stop.example.net/stop?scope=${scope}"]'],
    ["stop.example.net", '[node, stop.mjs, "--url=https://stop.example.net", "${scope}"]'],
  ])("a command that names another machine is away: %s", (named, command) => {
    const text = scoped("{}").replace(/activate: .*/, `activate: { command: ${command} }`);
    expect(problems(text).join()).toContain(named);
    expect(
      problems(text.replaceAll("https://stop.example.net", "http://127.0.0.1:4200").replace("ssh, ", "node, ")),
    ).toEqual([]);
  });

  it("for the whole switch must be said, in the block of the calls", () => {
    const whole = (rehearse: string): string => scoped(rehearse).replaceAll("${scope}", "all");
    expect(problems(whole("{}")).join()).toContain("pulls the whole switch");
    expect(problems(whole("{ scope: whole }"))).toEqual([]);
    const elsewhere = `${whole("{ scope: whole }")}environments: { staging: { killSwitch: { rehearse: { scope: whole } } } }\n`;
    expect(problems(elsewhere, "staging").join()).toContain("must stand in the same block as killSwitch.activate");
  });

  it.each(["status", "release"])("a twin of activate with ${scope} needs a %s with it", (name) => {
    const yaml = scoped(
      '{ activate: { url: "http://127.0.0.1:4200/stop", method: POST, json: { scope: "${scope}" } } }',
    );
    expect(problems(yaml)).toEqual([]);
    const without = yaml
      .replace('go", method: POST, json: { scope: "${scope}" }', 'go", method: POST')
      .replace("s?scope=${scope}", "s")
      .replace(
        '"http://127.0.0.1:4200/stop", method: POST, json: { scope: "${scope}" } }\n',
        '"http://127.0.0.1:4200/stop", method: POST }\n',
      );
    expect(problems(without).join()).toContain(`rehearse.activate contains \${scope}, so ${name} must contain it too`);
  });

  it.each(["status", "release"])("a twin of %s must hold the ${scope} that activate has", (name) => {
    const more = name === "status" ? ", stopped: /stopped" : ", method: POST";
    const yaml = scoped(`{ ${name}: { url: "http://127.0.0.1:4200/all"${more} } }`);
    expect(problems(yaml).join()).toContain(`activate contains \${scope}, so rehearse.${name} must contain it too`);
  });

  it.each([
    ["ssh", "run: [ssh, prod.example.net, ./rollback.sh]"],
    ["kubectl", "run: [kubectl, exec, agent, --, ./rollback.sh]"],
    ["prod.example.net", 'run: [node, rollback.mjs, "https://prod.example.net"]'],
    ["prod.example.net", 'run: [node, rollback.mjs], trace: ["--api=https://prod.example.net", "${trace}"]'],
  ])("to dry runs at the top level covers no script that acts elsewhere (%s)", (host, script) => {
    const yaml = (written: string): string =>
      `version: 1\nagent: { name: support }\nrollback: { script: { ${written}, dryRun: [--dry-run], rehearse: { trace: recent } } }\n`;
    expect(problems(yaml(script)).join()).toContain(
      "rollback.script.rehearse at the top level consents only to targets on this machine",
    );
    expect(problems(yaml(script)).join()).toContain(host);
    expect(problems(yaml("run: [node, rollback.mjs]"))).toEqual([]);
  });

  it("activate with ${scope} needs status and release with it", () => {
    expect(problems(scoped("{}").replace("s?scope=${scope}", "s")).join()).toContain("so status must contain it too");
  });

  it("opening the breaker for all traffic must be said", () => {
    const text = (scope: string): string =>
      `${probes}breaker: { settings: x.yaml, rehearse: { ${scope} open: { url: /open, method: POST }, close: { url: /close, method: POST } } }\n`;
    expect(problems(text("")).join()).toContain("write scope: whole");
    expect(problems(text("scope: whole,"))).toEqual([]);
  });

  it("bench: true is an error where any URL is not loopback, and with --env", () => {
    expect(problems(`${base.replace("127.0.0.1", "agent.example.com")}bench: true\n`).join()).toContain(
      "agent.example.com",
    );
    expect(problems(`${base}bench: true\nenvironments: { ci: {} }\n`, "ci").join()).toContain(
      "cannot stand with --env",
    );
  });
});

describe("finding the file", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "clawproof-load-"));
    await mkdir(join(folder, "repository", ".git"), { recursive: true });
    await mkdir(join(folder, "repository", "deep", "er"), { recursive: true });
    await writeFile(join(folder, "clawproof.yaml"), base);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("goes upward, not above the repository's root", async () => {
    const cwd = join(folder, "repository", "deep", "er");
    await expect(loadProject({ cwd, env: {} })).rejects.toThrow("there is none here or above");
    await writeFile(join(folder, "repository", "clawproof.yaml"), base);
    const project = await loadProject({ cwd, env: {} });
    expect(project.shownFile).toBe(join("..", "..", "clawproof.yaml"));
  });

  it("a missing file, a folder and a binary are said in words", async () => {
    await expect(loadProject({ cwd: folder, file: "no.yaml", env: {} })).rejects.toThrow(
      "no.yaml:1:1: there is no such file",
    );
    await expect(loadProject({ cwd: folder, file: ".", env: {} })).rejects.toThrow("this is a folder");
    await writeFile(join(folder, "binary.yaml"), Buffer.from([0xff, 0xfe, 0x00, 0x80]));
    await expect(loadProject({ cwd: folder, file: "binary.yaml", env: {} })).rejects.toThrow("not UTF-8");
  });
});
