import { link, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Source } from "../../src/config/call.ts";
import type { CallContext } from "../../src/doors/door.ts";
import { isOffline, readSource, readSourceValue, SourceFailed } from "../../src/doors/source.ts";
import { contextOf, serve } from "./servers.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "clawproof-source-"));
  await mkdir(join(directory, "agent"));
  const files: Record<string, string> = {
    "agent/settings.yaml": "defaults: &d { window: 5m }\ncircuit_breaker:\n  <<: *d\n  error_rate: 15\n  name: main\n",
    "agent/settings.json": '{\n  "a": { "b/c": [1, 2] }\n}\n',
    "agent/fallback.md": "Cancellations are paused: nothing {was} changed.\n",
    "agent/two.yaml": "a: 1\n---\nb: 2\n",
    "agent/broken.yaml": "a: [1\nb: 2\n",
    "agent/page.yaml": "<html></html>",
    "agent/empty.yaml": "",
    "agent/secret.txt": "the token is open-sesame",
    "big.txt": "x".repeat(5 * 1024 * 1024 + 1),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  await symlink("settings.yaml", join(directory, "agent/link.yaml"));
  await link(join(directory, "agent/settings.yaml"), join(directory, "agent/hard.yaml"));
  await execa("mkfifo", [join(directory, "pipe")]);
});
afterAll(() => rm(directory, { recursive: true }));

function context(env: Record<string, string> = {}, more: Partial<CallContext> = {}): CallContext {
  return contextOf(env, { directory, ...more });
}

describe("readSource", () => {
  it("reads a file whole", async () => {
    expect(await readSource("agent/fallback.md", context())).toEqual({
      text: "Cancellations are paused: nothing {was} changed.\n",
      shown: "agent/fallback.md",
      location: { file: "agent/fallback.md", line: 1, column: 1 },
      level: "inspected",
    });
  });

  it("follows a pointer and tells the place", async () => {
    expect(await readSource("agent/settings.yaml#/circuit_breaker/error_rate", context())).toMatchObject({
      value: 15,
      text: "15",
      location: { file: "agent/settings.yaml", line: 4, column: 15 },
    });
    expect(await readSource({ file: "agent/settings.json", at: "/a/b~1c/1" }, context())).toMatchObject({
      value: 2,
      location: { line: 2 },
    });
    expect(await readSource("agent/settings.yaml#/circuit_breaker", context())).toMatchObject({
      value: { window: "5m", error_rate: 15, name: "main" },
    });
  });

  it("reads text, which is a declaration", async () => {
    expect(
      await readSource(
        { text: "Closed in ${environment}." },
        context({}, { placeholders: { environment: "staging" } }),
      ),
    ).toEqual({
      text: "Closed in staging.",
      shown: "clawproof.yaml",
      level: "declared",
    });
  });

  it.each(["agent/settings.yaml", "agent/link.yaml", "agent/hard.yaml"])(
    "takes the configuration itself for a declaration, under whatever name: %s",
    async (name) => {
      const configFile = join(directory, "agent", "settings.yaml");
      const at = `${name}#/circuit_breaker`;
      expect(await readSourceValue(at, context({}, { configFile }))).toMatchObject({ level: "declared" });
      expect(await readSourceValue(at, context({}, { configFile: join(directory, "none.yaml") }))).toMatchObject({
        level: "inspected",
      });
    },
  );

  it("reads what a command prints and a server answers", async () => {
    const { url } = await serve((request, response) => response.end(`{"path":"${request.url}"}`));
    const command = [process.execPath, "-p", '"{a: 1}"'];
    expect(await readSource({ command, at: "/a" }, context())).toMatchObject({ value: 1, level: "inspected" });
    expect(await readSource({ url: "/settings?x=1", at: "/path" }, context({}, { base: url }))).toEqual({
      text: "/settings?x=1",
      value: "/settings?x=1",
      shown: `GET ${url}/settings`,
      level: "inspected",
    });
  });

  it("hides secrets", async () => {
    const given = context({ TOKEN: "open-sesame" });
    await given.secrets.get("TOKEN");
    expect((await readSource("agent/secret.txt", given)).text).toBe("the token is ${TOKEN}");
  });

  it.each<[Source, string]>([
    ["agent/missing.yaml", "agent/missing.yaml does not exist"],
    ["agent/missing.yaml#/a", "agent/missing.yaml does not exist"],
    ["agent", "agent is a folder"],
    ["pipe", "pipe is not a plain file"],
    ["big.txt", "big.txt is larger than 5 MB"],
    ["agent/settings.yaml#/breaker", "agent/settings.yaml has nothing at /breaker"],
    ["agent/empty.yaml#/a", "agent/empty.yaml has nothing at /a"],
    ["agent/two.yaml#/a", "agent/two.yaml holds 2 YAML documents where one is expected"],
    ["agent/page.yaml#/a", "agent/page.yaml is HTML or XML, neither JSON nor YAML"],
    ["${WHERE}/settings.yaml", "WHERE is not set"],
    [{ command: ["no-such-program"] }, "no-such-program: no-such-program was not found"],
    [
      { command: ["ls", "no-such-file"], expect: { stdout: "x" } },
      "ls no-such-file ended with exit status 2: ls: cannot access 'no-such-file': No such file or directory",
    ],
    [{ url: "/a" }, "GET /a: a relative URL, and agent.url is not given"],
  ])("says of %o why it gave nothing", async (source, why) => {
    const failure = await readSource(source, context({}, { env: { LC_ALL: "C" } })).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SourceFailed);
    expect(failure).toMatchObject({ why, message: why });
  });

  it("names the line of what is no YAML", async () => {
    await expect(readSource("agent/broken.yaml#/a", context())).rejects.toThrow(
      /^agent\/broken\.yaml is neither JSON nor YAML: line \d: /,
    );
  });

  it("wants the answer that is expected", async () => {
    const { url } = await serve((_, response) => response.writeHead(404).end("{}"));
    await expect(readSource({ url }, context())).rejects.toThrow(`GET ${url} answered 404`);
    expect(await readSource({ url, expect: { status: 404 } }, context())).toMatchObject({ text: "{}" });
  });
});

describe("readSourceValue", () => {
  it("parses the whole where nothing is pointed at", async () => {
    expect((await readSourceValue("agent/settings.json", context())).value).toEqual({ a: { "b/c": [1, 2] } });
    expect((await readSourceValue({ text: "[1, 2]" }, context())).value).toEqual([1, 2]);
    expect((await readSourceValue("agent/settings.yaml#/circuit_breaker/name", context())).value).toBe("main");
  });
});

it("knows what can be read offline", () => {
  const offline: Source[] = ["a.yaml#/x", { file: "a" }, { text: "a" }];
  const online: Source[] = [{ url: "/a" }, { command: ["a"] }];
  expect([...offline, ...online].map(isOffline)).toEqual([true, true, true, false, false]);
});
