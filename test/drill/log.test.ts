import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { build } from "esbuild";
import { execa } from "execa";
import { appendDrill, readDrillLog } from "../../src/drill/log.ts";
import { hashOfEntry } from "../../src/values/hash-chain.ts";
import { drillOf } from "./lines.ts";

let folder: string;
let file: string;
const bundles: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "clawproof-drills-"));
  file = join(folder, ".clawproof", "drills.jsonl");
});
afterEach(async () => {
  for (const path of [folder, ...bundles.splice(0)]) await rm(path, { recursive: true, force: true });
});

const drill = (mark: string) => drillOf({ mark });
async function three(): Promise<string[]> {
  for (const mark of ["one", "two", "three"]) await appendDrill(file, drill(mark));
  return (await readFile(file, "utf8")).trimEnd().split("\n");
}
const marks = (text: string) => readDrillLog(text).lines.map(({ line }) => line.mark);

describe("appendDrill", () => {
  it("creates the log, its folder and an unbroken chain", async () => {
    const lines = await three();
    const log = readDrillLog(lines.join("\n") + "\n");
    expect(log).toMatchObject({ brokenAt: null, refused: [] });
    expect(log.lines.map(({ lineNumber, line }) => [lineNumber, line.mark])).toEqual([
      [1, "one"],
      [2, "two"],
      [3, "three"],
    ]);
    expect(log.lines[0]?.line.previous).toBe("");
  });

  it("keeps the chain whole when 20 write at once in two processes", async () => {
    const program = `
      import { appendDrill } from ${JSON.stringify(join(import.meta.dirname, "../../src/drill/log.ts"))};
      const line = JSON.parse(process.argv[3]);
      await Promise.all(Array.from({ length: 10 }, (_, i) => appendDrill(process.argv[2], { ...line, mark: "child" + i })));
    `;
    const { child } = await startTypeScript(program, [file, JSON.stringify(drill("x"))]);
    await Promise.all(Array.from({ length: 10 }, (_, index) => appendDrill(file, drill(`here${index}`))));
    await child;
    const log = readDrillLog(await readFile(file, "utf8"));
    expect(log.brokenAt).toBeNull();
    expect(log.lines).toHaveLength(20);
  });

  it("is not held up by the lock of a writer that was killed", async () => {
    const program = `
      import { withFileLock } from ${JSON.stringify(join(import.meta.dirname, "../../src/databases/file-lock.ts"))};
      await withFileLock(process.argv[2], async () => { console.log("held"); await new Promise((done) => setTimeout(done, 60_000)); });
    `;
    const { child: holder } = await startTypeScript(program, [`${file}.lock`]);
    await new Promise((held) => holder.stdout.once("data", held));
    holder.kill("SIGKILL");
    await holder.catch(() => "killed, as meant");
    await appendDrill(file, drill("after"));
    expect(marks(await readFile(file, "utf8"))).toEqual(["after"]);
  });

  it("never joins a line with the half one that a crash left, and says where that is", async () => {
    const lines = await three();
    await writeFile(file, `${lines[0]}\n${lines[1]?.slice(0, 200)}`);
    const { halfLine } = await appendDrill(file, drill("next"));
    expect(halfLine).toBe(2);
    const log = readDrillLog(await readFile(file, "utf8"));
    expect(log.lines.map(({ line }) => line.mark)).toEqual(["one", "next"]);
    expect(log.brokenAt).toEqual({ lineNumber: 2, why: "not JSON" });
  });

  it("makes the chain whole again once a person removed the half line", async () => {
    const lines = await three();
    await writeFile(file, `${lines[0]}\n${lines[1]?.slice(0, 200)}`);
    await appendDrill(file, drill("next"));
    const mended = (await readFile(file, "utf8")).split("\n");
    mended.splice(1, 1);
    expect(readDrillLog(mended.join("\n"))).toMatchObject({ brokenAt: null, refused: [] });
  });

  it("takes a last line that lacks only its newline for whole", async () => {
    const lines = await three();
    await writeFile(file, lines.join("\n"));
    expect((await appendDrill(file, drill("next"))).halfLine).toBeNull();
    expect(readDrillLog(await readFile(file, "utf8")).brokenAt).toBeNull();
  });
});

describe("readDrillLog", () => {
  it("names half a last line", async () => {
    const lines = await three();
    const log = readDrillLog(`${lines[0]}\n${lines[1]?.slice(0, -5)}`);
    expect(log.brokenAt).toEqual({ lineNumber: 2, why: "half a line (its writer was interrupted): not JSON" });
  });

  it("names the line after a removed one", async () => {
    const lines = await three();
    expect(readDrillLog(`${lines[0]}\n${lines[2]}\n`).brokenAt).toEqual({
      lineNumber: 2,
      why: "does not follow line 1: what stood between them was removed or changed",
    });
    expect(readDrillLog(`${lines[1]}\n${lines[2]}\n`).brokenAt).toEqual({
      lineNumber: 1,
      why: "the lines before it were removed: it is not the first of its log",
    });
  });

  it("refuses a line with a moved date, and goes on", async () => {
    const lines = await three();
    const text = lines.join("\n").replace("2026-11-10T06:00:30.000Z", "2026-11-20T06:00:30.000Z") + "\n";
    const log = readDrillLog(text);
    expect(log.brokenAt).toEqual({ lineNumber: 1, why: "changed after it was written: its hash does not fit" });
    expect(log.lines.map(({ line }) => line.mark)).toEqual(["two", "three"]);
  });

  it("finds the break one line further where the changed line's own hash was recomputed", async () => {
    const lines = await three();
    const forged = { ...(JSON.parse(lines[0] ?? "") as object), endedAt: "2026-11-20T06:00:30.000Z" };
    const text = [JSON.stringify({ ...forged, hash: hashOfEntry(forged) }), lines[1], lines[2]].join("\n") + "\n";
    expect(readDrillLog(text).brokenAt?.lineNumber).toBe(2);
  });

  it("names two lines that changed places, and a line that stands twice", async () => {
    const lines = await three();
    expect(readDrillLog([lines[0], lines[2], lines[1]].join("\n")).brokenAt?.lineNumber).toBe(2);
    expect(readDrillLog([lines[0], lines[0]].join("\n")).brokenAt?.lineNumber).toBe(2);
  });

  it.each([
    ["a key given twice", (line: string) => line.replace('"verdict"', '"mark":"other","verdict"'), "holds a key twice"],
    ["no JSON", () => "# drills", "not JSON"],
    ["another kind of JSON", () => "[1]", "not a drill's line"],
    ["another schema", (line: string) => line.replace("drill@1", "drill@2"), "not a drill's line: schema"],
    ["a time that is none", (line: string) => line.replace("T06:00:30.000Z", ""), "not a drill's line: endedAt"],
    ["a negative duration", (line: string) => line.replace('"ms":3800', '"ms":-1'), "not a drill's line: stop.ms"],
    ["deep nesting", (line: string) => line.replace("{", `{"deep":${"[".repeat(9e3)}${"]".repeat(9e3)},`), "nested"],
  ])("refuses %s and names the line", async (_, change, why) => {
    const lines = await three();
    const { brokenAt } = readDrillLog([lines[0], change(lines[1] ?? ""), lines[2]].join("\n"));
    expect(brokenAt?.lineNumber).toBe(2);
    expect(brokenAt?.why).toContain(why);
  });

  it("does not mind white space, a byte order mark, empty lines and Windows line ends", async () => {
    const lines = await three();
    const spaced = lines.map((line) => JSON.stringify(JSON.parse(line), null, 1).replaceAll("\n", ""));
    expect(readDrillLog(`\uFEFF${spaced.join("\r\n\r\n")}\r\n`)).toMatchObject({ brokenAt: null, refused: [] });
  });

  it("accepts what a later version adds to a line, and still sees it changed", async () => {
    await appendDrill(file, { ...drill("later"), weather: "fine" } as ReturnType<typeof drill>);
    await appendFile(file, "\n");
    const text = await readFile(file, "utf8");
    expect(readDrillLog(text).brokenAt).toBeNull();
    expect(readDrillLog(text.replace("fine", "foul")).brokenAt?.lineNumber).toBe(1);
  });

  it("finds nothing in an empty log", () => {
    expect(readDrillLog("")).toEqual({ lines: [], refused: [], brokenAt: null });
  });
});

/** Node 20 runs no TypeScript: the program is bundled first, to a place from which packages are found. */
async function startTypeScript(program: string, argv: string[]) {
  const outfile = join(import.meta.dirname, `../../node_modules/.cache/clawproof/${randomUUID()}.mjs`);
  await build({
    stdin: { contents: program, resolveDir: import.meta.dirname, loader: "ts" },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "error",
  });
  bundles.push(outfile);
  return { child: execa("node", [outfile, ...argv]) };
}
