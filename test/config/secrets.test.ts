import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSecrets, type SecretSources } from "../../src/config/secret-store.ts";
import { readSecretCommand } from "../../src/doors/command.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "clawproof-secrets-"));
  await writeFile(join(directory, "token.txt"), "from-the-file \n\n");
  await writeFile(join(directory, "empty.txt"), "\n");
});
afterAll(() => rm(directory, { recursive: true }));

function secretsOf(config: SecretSources["config"], env: Record<string, string> = {}) {
  return createSecrets({ config, directory, env, readCommand: (argv) => readSecretCommand(argv, { directory }) });
}

describe("createSecrets", () => {
  it("takes a value from the environment, and from `secrets:` before it", async () => {
    const secrets = secretsOf({ A: { file: "token.txt" } }, { A: "env-a", B: "env-b" });
    expect(await secrets.get("B")).toBe("env-b");
    expect(await secrets.get("A")).toBe("from-the-file \n");
  });

  it("reads what a command prints, once", async () => {
    const script = "require('fs').appendFileSync('ran', 'x'); console.log('from-the-command')";
    const secrets = secretsOf({ A: { command: [process.execPath, "-e", script] } });
    expect(await Promise.all([secrets.get("A"), secrets.get("A")])).toEqual(["from-the-command", "from-the-command"]);
    expect(await secretsOf({ RAN: { file: "ran" } }).get("RAN")).toBe("x");
  });

  it("falls back to the environment where the source gives nothing", async () => {
    expect(await secretsOf({ A: { file: "missing.txt" } }, { A: "env-a" }).get("A")).toBe("env-a");
  });

  it.each<[string, NonNullable<SecretSources["config"]>, string]>([
    ["nobody sets it", {}, "A is not set"],
    ["the file is missing", { A: { file: "missing.txt" } }, "A is not set (missing.txt does not exist)"],
    ["the file is empty", { A: { file: "empty.txt" } }, "A is not set (empty.txt is empty)"],
    ["the program is missing", { A: { command: ["no-such-program"] } }, "A is not set (no-such-program was not found)"],
    ["the command fails", { A: { command: ["false"] } }, "A is not set (false ended with exit status 1)"],
  ])("says why where %s", async (_, config, message) => {
    await expect(secretsOf(config).get("A")).rejects.toMatchObject({ name: "MissingSecret", message });
  });

  it("tells whether a value could be looked up without running anything", async () => {
    const secrets = secretsOf(
      { FILE: { file: "token.txt" }, MISSING: { file: "missing.txt" }, COMMAND: { command: ["touch", "touched"] } },
      { SET: "x", EMPTY: "" },
    );
    const names = ["FILE", "MISSING", "COMMAND", "SET", "EMPTY", "UNKNOWN"];
    expect(await Promise.all(names.map((name) => secrets.has(name)))).toEqual([true, false, true, true, false, false]);
    expect(await secretsOf({ T: { file: "touched" } }).has("T")).toBe(false);
  });

  it("hides what it gave out", async () => {
    const secrets = secretsOf({}, { A: "open-sesame" });
    await secrets.get("A");
    expect(secrets.redact("say open-sesame")).toBe("say ${A}");
  });

  it("hides what the environment holds under a name that the configuration speaks of, looked up or not", () => {
    const env = { A: "open-sesame", B: "nobody-asked" };
    const secrets = createSecrets({
      config: {},
      directory,
      env,
      named: ["A", "C"],
      readCommand: () => Promise.resolve(""),
    });
    expect(secrets.redact("open-sesame, nobody-asked")).toBe("${A}, nobody-asked");
  });

  it("hides what a file of `secrets:` holds, looked up or not: what we run may read it", () => {
    expect(secretsOf({ A: { file: "token.txt" } }).redact("say from-the-file \n")).toBe("say ${A}");
  });

  it("waits for no pipe", async () => {
    await execa("mkfifo", [join(directory, "pipe")]);
    const secrets = secretsOf({ A: { file: "pipe" } });
    await expect(secrets.get("A")).rejects.toMatchObject({ message: "A is not set (pipe is not a plain file)" });
  });
});
