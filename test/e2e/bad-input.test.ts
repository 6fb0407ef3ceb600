import { execa } from "execa";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer, type Socket } from "node:net";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import {
  BREAKER_FILES,
  type Files,
  folderWith,
  judged,
  listen,
  nobody,
  run,
  serve,
  startWorld,
  SWITCH_TOKEN,
  switchOf,
  PATIENT,
} from "./support.ts";

/** Whatever it is given, it ends with the right words: no stack, no secret (`run` looks for both), no hanging. */

const VALID = "version: 1\nagent: { name: support }\n";

describe.concurrent("a configuration that cannot be used exits 2 and says where", PATIENT, () => {
  const bomb = (() => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const below = level === 0 ? '"lol"' : `*l${level - 1}`;
      return `l${level}: &l${level} [${Array.from({ length: 10 }, () => below).join(", ")}]`;
    });
    return `version: 1\nagent: { name: support }\n${levels.join("\n")}\n`;
  })();

  const away = "https://stop.example.net";
  const cases: [what: string, text: string, says: RegExp | RegExp[]][] = [
    ["empty", "", /clawproof\.yaml:1:1: .*/],
    ["nothing but a comment", "# later\n", /clawproof\.yaml:1:1: .*/],
    ["only a text", "hello\n", /clawproof\.yaml:1:1: /],
    ["a list", "- version: 1\n", /clawproof\.yaml:1:1: /],
    ["not YAML", "version: 1\nagent: { name: [support\n", /clawproof\.yaml:\d+:\d+: /],
    ["tabs for spaces", "version: 1\nagent:\n\tname: support\n", /clawproof\.yaml:3:1: /],
    ["two documents", `${VALID}---\n${VALID}`, /clawproof\.yaml:\d+:\d+: /],
    ["a YAML bomb", bomb, /clawproof\.yaml:\d+:\d+: /],
    [
      "nested without end",
      `${VALID}drills: ${"[".repeat(100_000)}`,
      /clawproof\.yaml:3:\d+: this is nested too deeply/,
    ],
    ["10 MB", `${VALID}# ${"x".repeat(10 * 1024 * 1024)}\n`, /clawproof\.yaml:1:1: the file is larger than 1 MiB/],
    ["not UTF-8", "\u0000\u0001", /clawproof\.yaml:\d+:\d+: /],
    ["duplicate keys", `${VALID}agent: { name: other }\n`, /clawproof\.yaml:3:1: /],
    ["the wrong version", "version: 2\nagent: { name: support }\n", /clawproof\.yaml:1:10: /],
    ["no version", "agent: { name: support }\n", /clawproof\.yaml:1:1: .*version/],
    ["a number for text", "version: 1\nagent: { name: 42 }\n", /clawproof\.yaml:2:16: .*text/],
    [
      "an unquoted check in a waiver",
      `${VALID}waivers: [{ check: 05.10, reason: r, owner: o, until: 2026-12-31 }]\n`,
      /clawproof\.yaml:3:20: .*text/,
    ],
    ["text for a list", "version: 1\nagent: { name: a, credentials: TOKEN }\n", /clawproof\.yaml:2:32: .*list/],
    ["a reserved name", "version: 1\nagent: { name: drill }\n", /clawproof\.yaml:2:16: /],
    ["an unknown duration", `${VALID}policy: { stopWithin: 30 seconds }\n`, /clawproof\.yaml:3:23: /],
    ["an unknown placeholder", `${VALID}fallback: { template: "\${nonsense}" }\n`, /clawproof\.yaml:3:\d+: .*nonsense/],
    [
      "several mistakes at once",
      "version: 1\nagnet: {}\nagent: { nmae: support }\npolicy: { stopWithn: 30s }\n",
      [/:2:1: .*did you mean `?agent/, /:3:10: .*did you mean `?name/, /:4:11: .*did you mean `?stopWithin/],
    ],
    [
      "a consent that points away",
      `${VALID}killSwitch:
  status: { url: "${away}/state?scope=\${scope}", stopped: /stopped }
  activate: { url: ${away}/stop, method: POST, json: { scope: "\${scope}" } }
  release: { url: ${away}/resume, method: POST, json: { scope: "\${scope}" } }
  rehearse: { scope: drill/support }
`,
      /:4:\d+: killSwitch\.rehearse at the top level consents only to targets on this machine, and this is stop\.example\.net/,
    ],
    [
      "a bench that points away",
      `${VALID}bench: true\nfallback: { template: { url: "https://cdn.example.net/fallback.txt" } }\n`,
      /:4:\d+: bench: true .*cdn\.example\.net/,
    ],
    [
      "a rehearsal that would pull everything",
      `${VALID}killSwitch:
  status: { url: "http://127.0.0.1:1/state", stopped: /stopped }
  activate: { url: "http://127.0.0.1:1/stop", method: POST }
  release: { url: "http://127.0.0.1:1/resume", method: POST }
  rehearse: {}
`,
      /:7:\d+: without \$\{scope\} in activate a rehearsal pulls the whole switch/,
    ],
    [
      "a mistake beside a password",
      `${VALID}rollback: { records: { database: "postgres://u:${encodeURIComponent(SWITCH_TOKEN)}@db/x", tabel: x } }\n`,
      /:3:\d+: .*did you mean `?table/,
    ],
  ];
  it.each(cases)("%s", async (_what, text, says) => {
    const folder = await folderWith({ "clawproof.yaml": text });
    const { exitCode, stdout, stderr } = await run(folder, ["--offline"]);
    expect([exitCode, stdout]).toEqual([2, ""]);
    for (const pattern of [says].flat()) expect(stderr).toMatch(pattern);
    expect(stderr.length).toBeLessThan(5_000);
  });

  it("missing, or a folder", async () => {
    const folder = await folderWith({ ".git": "" });
    expect((await run(folder, [])).stderr).toMatch(/^clawproof\.yaml:1:1: there is none here or above/);
    await mkdir(join(folder, "clawproof.yaml"));
    expect(await run(folder, [])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("this is a folder") });
  });

  it("a pipe that nobody writes to, or a device that never ends", async () => {
    const folder = await folderWith({ ".git": "" });
    await execa("mkfifo", [join(folder, "clawproof.yaml")]);
    for (const args of [[], ["-c", "/dev/zero"]]) {
      expect(await run(folder, args)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("this is not a plain file"),
      });
    }
  });

  it("bytes that are no text", async () => {
    const folder = await folderWith({ ".git": "" });
    await writeFile(join(folder, "clawproof.yaml"), Buffer.from([0xff, 0xfe, 0x80, 0x81]));
    expect(await run(folder, [])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("not UTF-8 text") });
  });
});

describe.concurrent("a switch whose status", PATIENT, () => {
  const statusAt = (url: string, more: object = {}): object => {
    const killSwitch = switchOf({ switch: url });
    return { killSwitch: { ...killSwitch, status: { ...killSwitch.status, timeout: "3s", ...more } } };
  };
  type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;
  const echo: Answer = (response, { headers: { authorization = "" } }) =>
    response.writeHead(500).end(`<html>${authorization} ${Buffer.from(authorization).toString("base64")}</html>`);

  it.each<[string, Answer, RegExp]>([
    ["never comes", () => undefined, /unreachable — no answer in 3 s/],
    ["never ends", (response) => response.write('{"stopped":'), /unreachable — the answer did not end in/],
    ["is a page", (response) => response.end("<html><h1>Welcome</h1></html>"), /unreachable — .*JSON/],
    ["is an empty answer", (response) => response.end(), /unreachable — .*/],
    ["is half of JSON", (response) => response.end('{"stopped": fal'), /unreachable — .*JSON/],
    ["is 404", (response) => response.writeHead(404).end(), /unreachable — answered 404/],
    ["is 500 with what it was sent", echo, /unreachable — answered 500/],
    ["does not hold the pointer", (response) => response.end('{"mode":"running"}'), /unreachable — nothing stands at/],
    ["closes the connection", (response) => response.socket?.destroy(), /unreachable — connection closed/],
    [
      "closes in the middle",
      (response) => {
        response.writeHead(200, { "content-length": "100" }).write('{"stopped":');
        response.socket?.end();
      },
      /unreachable — connection closed in the middle/,
    ],
    [
      "redirects to another origin",
      (response, { headers: { authorization = "" } }) =>
        response.writeHead(302, { location: `http://localhost:1/?t=${encodeURIComponent(authorization)}` }).end(),
      /unreachable — .*redirect/,
    ],
    [
      "redirects for ever",
      (response, { url = "" }) => response.writeHead(302, { location: url }).end(),
      /unreachable — .*redirect/,
    ],
    ["is endless", (response) => flood(response), /unreachable — .*(larger|did not end)/],
  ])("%s", async (_what, answer, says) => {
    const url = await serve((request, response) => {
      answer(response, request);
    });
    const { exitCode, line } = await judged("05.1", statusAt(url));
    expect(line).toMatch(/^\[FAIL\] Kill switch endpoint unreachable/);
    expect(line).toMatch(says);
    expect(exitCode).toBe(1);
  });

  it("is refused", async () => {
    const { exitCode, line } = await judged("05.1", statusAt(`http://${await nobody()}`));
    expect([exitCode, line]).toEqual([1, "[FAIL] Kill switch endpoint unreachable — connection refused"]);
  });

  it("is no HTTP", async () => {
    const server = createTcpServer((socket: Socket) => {
      socket.on("error", () => undefined);
      socket.end("SSH-2.0-OpenSSH_9.2\r\n");
    });
    const { exitCode, line } = await judged("05.1", statusAt(`http://127.0.0.1:${await listen(server)}`));
    expect(line).toMatch(/^\[FAIL\] Kill switch endpoint unreachable — .+ not HTTP/);
    expect(exitCode).toBe(1);
  });

  it("comes under a certificate that nobody trusts", async () => {
    const pem = (name: string) => readFileSync(resolve(import.meta.dirname, "../support/tls", name));
    const server = createTlsServer({ key: pem("key.pem"), cert: pem("cert.pem") }, (_, response) => response.end("{}"));
    const { exitCode, line } = await judged("05.1", statusAt(`https://localhost:${await listen(server)}`));
    expect(line).toMatch(/^\[FAIL\] Kill switch endpoint unreachable — the certificate of localhost:\d+ /);
    expect(exitCode).toBe(1);
  });

  it("needs a secret that is not set", async () => {
    const world = await startWorld();
    const { exitCode, line } = await judged("05.1", statusAt(world.switch), {}, { SWITCH_TOKEN: "" });
    expect([exitCode, line]).toEqual([3, "[FAIL] Kill switch endpoint could not be checked — SWITCH_TOKEN is not set"]);
    expect(world.asked).toEqual([]);
  });
});

/** Sends for as long as anybody reads. */
function flood(response: ServerResponse): void {
  const chunk = "x".repeat(1024 * 1024);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more);
  more();
}

describe.concurrent("settings of the breaker that", PATIENT, () => {
  it.each<[string, unknown, Files, number, RegExp]>([
    ["are not there", "gone.yaml", {}, 3, /could not be checked — .*gone\.yaml/],
    ["stand nowhere", "breaker.yaml#/nowhere/at/all", BREAKER_FILES, 3, /could not be checked — .*\/nowhere/],
    ["are not YAML", "bad.yaml", { "bad.yaml": "a: [b\nc: }" }, 3, /could not be checked — .*bad\.yaml/],
    ["are empty", "empty.yaml", { "empty.yaml": "" }, 3, /could not be checked — /],
    ["are a text", "text.yaml", { "text.yaml": "fifteen" }, 3, /could not be checked — /],
    ["are a folder", "folder", { "folder/file": "" }, 3, /could not be checked — .*folder/],
    ["are words", "words.yaml", { "words.yaml": { errorRatePct: "a lot" } }, 3, /could not be checked — /],
    ["a program prints and fails", { command: ["sh", "-c", "echo $AGENT_TOKEN >&2; exit 3"] }, {}, 3, /exit 3/],
    [
      "no program prints",
      { command: ["no-such-program-here"] },
      {},
      3,
      /could not be checked — .*no-such-program-here/,
    ],
  ])("%s", async (_what, settings, files, status, says) => {
    const { exitCode, line } = await judged("05.3", { breaker: { settings } }, files);
    expect(line).toMatch(/^\[FAIL\] /);
    expect(line).toMatch(says);
    expect(exitCode).toBe(status);
  });

  it("are answered with 503", async () => {
    const url = await serve((_, response) => response.writeHead(503).end("later"));
    const { exitCode, line } = await judged("05.3", { breaker: { settings: { url } } });
    expect(line).toMatch(/^\[FAIL\] Circuit breaker .*could not be checked — .*503/);
    expect(exitCode).toBe(3);
  });
});
