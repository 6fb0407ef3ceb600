import { describe, expect, it } from "vitest";
import { projectFromText } from "../../src/config/load.ts";
import { InvalidConfig } from "../../src/config/problems.ts";
import type { Project } from "../../src/config/project.ts";
import { contextOf } from "../../src/doors/context.ts";
import { prepareRequest } from "../../src/doors/http-request.ts";

const AGENT = "version: 1\nagent: { name: support, url: http://127.0.0.1:4100 }\n";
const OWN = `${AGENT}killSwitch:
  provider: clawproof
  url: http://127.0.0.1:4600
  token: "\${SWITCH_TOKEN}"
`;
const ENV = { SWITCH_TOKEN: "the-token-of-the-switch", SWITCH_URL: "http://127.0.0.1:4600/stop/" };

function load(text: string, environment?: string, env: Record<string, string> = ENV): Project {
  const options = { file: "/project/clawproof.yaml", shownFile: "clawproof.yaml", cwd: "/project", env };
  return projectFromText(text, environment === undefined ? options : { ...options, environment });
}

/** `LINE:COLUMN message` of every problem. */
function problems(text: string, environment?: string): string[] {
  try {
    load(text, environment);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return error.problems.map(({ location, message }) => `${location.line}:${location.column} ${message}`);
  }
}

function ownIn({ config: { killSwitch } }: Project) {
  if (!killSwitch || !("provider" in killSwitch)) throw new Error("not our own");
  return killSwitch;
}

/** What a call of the switch sends: `POST URL`, its token and its body. */
async function sent(project: Project, name: "status" | "activate" | "release" | "log" | "fleet" | "rehearsal") {
  const own = ownIn(project);
  const call = name === "rehearsal" ? own.rehearse?.activate : own[name];
  if (!call || !("url" in call)) throw new Error("not a request");
  const filling = { scope: "drill/support", reason: "clawproof-7f3a91: rehearsal", ttlSeconds: 600 };
  const { method, url, headers, body } = await prepareRequest(call, contextOf(project, filling));
  expect(headers["authorization"]).toBe("Bearer the-token-of-the-switch");
  return [`${method} ${url.href}`, body === null ? null : (JSON.parse(body) as unknown)];
}

describe("provider: clawproof", () => {
  it("comes to the calls of the service", async () => {
    const project = load(`${OWN}  rehearse: {}\n`);
    const order = { scope: "drill/support", reason: "clawproof-7f3a91: rehearsal" };
    const at = "http://127.0.0.1:4600/v1";
    expect(await sent(project, "status")).toEqual([`GET ${at}/state?scope=drill%2Fsupport`, null]);
    expect(await sent(project, "activate")).toEqual([`POST ${at}/kill`, order]);
    expect(await sent(project, "rehearsal")).toEqual([`POST ${at}/kill`, { ...order, ttlSeconds: 600 }]);
    expect(await sent(project, "release")).toEqual([`POST ${at}/release`, order]);
    expect(await sent(project, "log")).toEqual([`GET ${at}/log?last=1000&orders=1&scope=drill%2Fsupport`, null]);
    expect(await sent(project, "fleet")).toEqual([`GET ${at}/fleet?scope=drill%2Fsupport`, null]);
  });

  it("says how it stops, with what, and on which scope it may be rehearsed", () => {
    const { kind, credentials, rehearse, token } = ownIn(load(`${OWN}  rehearse: { samples: 2 }\n`));
    expect({ kind, credentials, token }).toEqual({
      kind: "deny",
      credentials: ["SWITCH_TOKEN"],
      token: "${SWITCH_TOKEN}",
    });
    expect(rehearse).toMatchObject({ scope: "drill/support", samples: 2 });
    expect(ownIn(load(OWN))).not.toHaveProperty("rehearse");
    expect(ownIn(load(`${OWN}  credentials: [OTHER]\n`)).credentials).toEqual(["OTHER"]);
    expect(ownIn(load(`${OWN}  restart: { command: [true.sh] }\n`)).kind).toBe("terminate");
  });

  it("lets only an order of a drill end by itself", () => {
    expect(ownIn(load(`${OWN}  rehearse: { scope: support@canary }\n`)).rehearse).not.toHaveProperty("activate");
  });

  it.each([
    ["a path in front", "http://127.0.0.1:4600/stop", "http://127.0.0.1:4600/stop/v1/kill"],
    ["a slash at its end", "http://127.0.0.1:4600/stop//", "http://127.0.0.1:4600/stop/v1/kill"],
    ["a secret that ends in a slash", '"${SWITCH_URL}"', "http://127.0.0.1:4600/stop/v1/kill"],
    ["the same and one more", '"${SWITCH_URL}/"', "http://127.0.0.1:4600/stop/v1/kill"],
    ["a default", '"${NOT_SET:-http://127.0.0.1:4600}"', "http://127.0.0.1:4600/v1/kill"],
  ])("takes an address with %s", async (_, url, expected) => {
    const project = load(OWN.replace("http://127.0.0.1:4600", url));
    expect((await sent(project, "activate"))[0]).toBe(`POST ${expected}`);
  });

  it("points at url and token, never at what it comes to", () => {
    const project = load(`${OWN}  rehearse: { samples: 2 }\n`);
    const lineOf = (...path: string[]): number => project.where(["killSwitch", ...path]).line;
    expect([lineOf("status"), lineOf("activate", "url"), lineOf("log", "entries")]).toEqual([5, 5, 5]);
    expect([lineOf("release", "headers", "authorization"), lineOf("token")]).toEqual([6, 6]);
    expect([lineOf(), lineOf("rehearse"), lineOf("restart")]).toEqual([3, 7, 3]);
  });
});

describe("what is wrong with it is named where it is written", () => {
  it.each([
    ["no token", OWN.replace(/ {2}token.*\n/, ""), "3:1 `token` is missing: expected text"],
    [
      "no address",
      OWN.replace("http://127.0.0.1:4600", "stop.example.net"),
      "5:8 expected the address of the kill switch",
    ],
    ["a query", OWN.replace(":4600", ":4600/?a=b"), "5:8 expected the address of the kill switch"],
    ["an unknown key", `${OWN}  tokn: x\n`, "7:3 unknown key `tokn`; did you mean `token`?"],
    [
      "calls beside it",
      `${OWN}  status: { url: "http://127.0.0.1:1", stopped: "" }\n`,
      "7:3 `status` cannot stand beside the other keys here",
    ],
    [
      "a twin",
      `${OWN}  rehearse: { activate: { url: "http://127.0.0.1:1" } }\n`,
      "7:15 `activate` cannot stand beside the other keys here",
    ],
    ["no scope", `${OWN}  rehearse: { scope: "drill/a b" }\n`, "7:22 expected a scope: *, AGENT, AGENT@VERSION"],
    [
      "the whole switch",
      `${OWN}  rehearse: { scope: whole }\n`,
      "7:22 scope: whole is for a switch that knows no scopes",
    ],
    [
      "a switch elsewhere, at the top level",
      `${OWN.replace("http://127.0.0.1:4600", "https://stop.example.net")}  rehearse: {}\n`,
      "5:8 killSwitch.rehearse at the top level consents only to targets on this machine, and this is stop.example.net",
    ],
  ])("%s", (_, text, expected) => {
    expect(problems(text)).toEqual([expect.stringContaining(expected)]);
  });

  it("an unknown provider", () => {
    expect(problems(OWN.replace("provider: clawproof", "provider: clawprof")).join()).toContain(
      "4:13 expected clawproof",
    );
  });

  it("consent to stop every agent, away from the address of the switch", () => {
    const environments = (block: string): string =>
      `${OWN}environments:\n  staging: { killSwitch: { ${block} rehearse: { scope: "*" } } }\n`;
    expect(problems(environments(""), "staging")).toEqual([
      '8:48 scope: "*" stops every agent: it must stand in the same block as killSwitch.url',
    ]);
    expect(problems(environments("url: https://stop.staging.example.net,"), "staging")).toEqual([]);
    expect(problems(environments("").replace('scope: "*"', "samples: 2"), "staging")).toEqual([]);
  });

  it("consent is not inherited", () => {
    const text = `${OWN}  rehearse: {}\nenvironments: { staging: {} }\n`;
    expect(ownIn(load(text))).toHaveProperty("rehearse");
    expect(ownIn(load(text, "staging"))).not.toHaveProperty("rehearse");
  });
});
