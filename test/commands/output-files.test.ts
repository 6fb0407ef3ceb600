import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseFormat, parseOutput } from "../../src/commands/formats.ts";
import { checkWritable, writeWhole } from "../../src/commands/output-files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "clawproof-output-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("formats", () => {
  test("of today, of later, of nobody", () => {
    expect(parseFormat("json")).toBe("json");
    expect(() => parseFormat("sarif")).toThrow("the format sarif is not there yet; known: terminal, json");
    expect(() => parseFormat("yaml")).toThrow('unknown format "yaml"; known: terminal, json');
  });

  test("FORMAT:FILE splits at the first colon", () => {
    expect(parseOutput("json:a:b.json")).toEqual({ format: "json", file: "a:b.json" });
    for (const text of ["json", "json:", ":file"]) {
      expect(() => parseOutput(text)).toThrow(`--output takes FORMAT:FILE, not "${text}"`);
    }
  });
});

describe("checkWritable", () => {
  const check = (file: string) => checkWritable([{ file }], folder);

  test("says beforehand what could not be written", async () => {
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, "plain"), "");
    await expect(check("report.json")).resolves.toBeUndefined();
    await expect(check("no/report.json")).rejects.toThrow(
      "--output cannot write no/report.json: there is no folder no",
    );
    await expect(check("sub")).rejects.toThrow("--output cannot write sub: it is a folder");
    await expect(check("plain/report.json")).rejects.toThrow("plain is not a folder");
    await expect(check("/dev/null")).resolves.toBeUndefined();
    expect(await readdir(folder)).toEqual(["plain", "sub"]);
  });
});

describe("writeWhole", () => {
  test("replaces the whole file and leaves no draft", async () => {
    await writeFile(join(folder, "report.json"), "an older and longer one");
    await writeWhole("report.json", folder, "new");
    expect(await readFile(join(folder, "report.json"), "utf8")).toBe("new");
    expect(await readdir(folder)).toEqual(["report.json"]);
  });

  test("through a link, to where it points", async () => {
    await writeFile(join(folder, "real.json"), "old");
    await symlink("real.json", join(folder, "link.json"));
    await writeWhole("link.json", folder, "new");
    expect(await readFile(join(folder, "real.json"), "utf8")).toBe("new");
  });

  test("a device is written to, not replaced", async () => {
    await writeWhole("/dev/null", folder, "new");
    expect(await readFile("/dev/null", "utf8")).toBe("");
  });

  test("a folder that went away is one line", async () => {
    await expect(writeWhole("gone/report.json", folder, "x")).rejects.toThrow("there is no folder gone");
  });
});
