import { execa } from "execa";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { expectedReport, listFixtures, readOverlay, stage, start, unstage } from "../../fixtures/stage.mjs";

/** Every fixture, started as a team would start it and judged by the built program. */

const BIN = resolve(import.meta.dirname, "../../bin/clawproof.js");

interface Run {
  stdout: string;
  stderr: string;
  exitCode: number | undefined;
}

async function audit(name: string): Promise<Run> {
  const folder = await stage(name);
  const sample = await start(folder);
  try {
    // A sample that is drilled first: the line that it leaves is what 05.10 is judged by.
    if ((await readOverlay(name)).drill === true) {
      const drill = await execa(process.execPath, [BIN, "drill"], { cwd: folder, reject: false });
      expect(drill).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("HELD: ") as string });
    }
    const args = [BIN, "--check", "05", "-q", "--no-color", ...((await readOverlay(name)).arguments ?? [])];
    const { stdout, stderr, exitCode } = await execa(process.execPath, args, { cwd: folder, reject: false });
    return { stdout: `${stdout}\n`, stderr, exitCode };
  } finally {
    await sample.stop();
    await unstage(join(folder));
  }
}

/** The report with what `*` stands for in the expected one put back as `*`. */
function alike(expected: string, actual: string): string {
  const wanted = expected.split("\n");
  const pattern = (line: string): RegExp =>
    new RegExp(
      `^${line
        .split("*")
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
        .join("[\\da-f.]+")
        .replace("seconds \\(target", "seconds? \\(target")}$`,
    );
  return actual
    .split("\n")
    .map((line, index) => (pattern(wanted[index] ?? "").test(line) ? (wanted[index] ?? line) : line))
    .join("\n");
}

const checkLines = (report: string): string[] =>
  report.split("\n").filter((line) => /^\[(PASS|WARN|FAIL|SKIP)\]/.test(line));

const lengths = await Promise.all(
  (await listFixtures()).map(async (name) => ({ name, seconds: (await readOverlay(name)).seconds ?? 0 })),
);
// The long ones first: they mostly wait, and the others run beside them.
const names = lengths.sort((a, b) => b.seconds - a.seconds).map(({ name }) => name);
const drilled = checkLines(await expectedReport("ready"));
const undrilled = [...drilled.slice(0, -1), "[FAIL] No kill switch drill in the last 90 days"];

describe("the built program judges the fixtures", () => {
  it.concurrent.each(names)(
    "%s",
    async (name) => {
      const expected = await expectedReport(name);
      const { stdout, stderr, exitCode } = await audit(name);
      expect(alike(expected, stdout)).toBe(expected);
      expect(exitCode).toBe((await readOverlay(name)).exit);
      expect(stderr).not.toMatch(/^\s+at /m);
    },
    180_000,
  );

  it.each(names)("%s changes only what rests on the changed fact", async (name) => {
    const { changes, drill = false } = await readOverlay(name);
    const ready = drill ? drilled : undrilled;
    const lines = checkLines(await expectedReport(name));
    const changed = lines.flatMap((line, index) => (line === ready[index] ? [] : [`05.${String(index + 1)}`]));
    expect(changed).toEqual(changes);
  });
});
