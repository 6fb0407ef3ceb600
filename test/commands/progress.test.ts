import { describe, expect, test, vi } from "vitest";
import { LiveLine, wantsLiveLine } from "../../src/commands/progress.ts";
import { Kept } from "./support.ts";

const ERASE = "\r\u001b[2K";

function lineOn(columns: number, live = true) {
  const output = new Kept({ columns });
  const time = { now: 0 };
  const line = new LiveLine(output, { now: () => 0, monotonic: () => time.now }, live);
  return { output, time, line };
}

describe("LiveLine", () => {
  test("shows what goes on and for how long, and erases itself", () => {
    vi.useFakeTimers();
    try {
      const { output, time, line } = lineOn(80);
      line.show("pulling");
      time.now = 3_900;
      vi.advanceTimersByTime(500);
      line.clear();
      vi.advanceTimersByTime(5_000);
      expect(output.text).toBe(`${ERASE}pulling … 0 s${ERASE}pulling … 3 s${ERASE}`);
    } finally {
      vi.useRealTimers();
    }
  });

  test("lasting lines go above it", () => {
    const { output, line } = lineOn(80);
    line.show("pulling");
    line.say("left pulled");
    line.clear();
    line.say("done");
    expect(output.text).toBe(`${ERASE}pulling … 0 s${ERASE}left pulled\n${ERASE}pulling … 0 s${ERASE}done\n`);
  });

  test("never wraps", () => {
    const { output, line } = lineOn(10);
    line.show("pulling the switch");
    line.clear();
    expect(output.text).toBe(`${ERASE}pulling t${ERASE}`);
  });

  test("off a terminal it says only what lasts", () => {
    const { output, line } = lineOn(80, false);
    line.show("pulling");
    line.say("left pulled");
    line.clear();
    expect(output.text).toBe("left pulled\n");
  });
});

test("wantsLiveLine: a terminal that is no CI's and not dumb", () => {
  const terminal = new Kept({ columns: 80 });
  expect(wantsLiveLine(terminal, {})).toBe(true);
  expect(wantsLiveLine(terminal, { CI: "false" })).toBe(true);
  expect(wantsLiveLine(terminal, { CI: "true" })).toBe(false);
  expect(wantsLiveLine(terminal, { TERM: "dumb" })).toBe(false);
  expect(wantsLiveLine(new Kept(), {})).toBe(false);
});
