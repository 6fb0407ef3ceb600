import { describe, expect, it } from "vitest";
import { Sessions } from "../../../src/switch/service/page/sessions.ts";

const HOUR = 3_600_000;

/** Two clocks that a test moves, together or apart. */
function clocks() {
  const at = { now: Date.parse("2026-03-01T03:12:00Z"), monotonic: 5_000 };
  return { at, clock: { now: () => at.now, monotonic: () => at.monotonic } };
}

const cookie = (setCookie: string): string => setCookie.split(";")[0] ?? "";

describe("sessions of the page", () => {
  it("open with a cookie that scripts, other hosts and plain HTTP never see", () => {
    expect(new Sessions().open("t1")).toMatch(
      /^__Host-clawproof=[\w-]{43}; Secure; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200$/,
    );
  });

  it("stand for a token, among other cookies too", () => {
    const sessions = new Sessions();
    const own = cookie(sessions.open("t1"));
    expect(sessions.tokenIdOf(`theme=dark; ${own}; other=1`)).toBe("t1");
    expect(sessions.tokenIdOf(`x${own}`)).toBeNull();
    expect(sessions.tokenIdOf(`${own}x`)).toBeNull();
    expect(sessions.tokenIdOf("__Host-clawproof=")).toBeNull();
    expect(sessions.tokenIdOf(null)).toBeNull();
  });

  it.each([
    ["both clocks", { now: 12 * HOUR, monotonic: 12 * HOUR }],
    ["a clock set back", { now: -HOUR, monotonic: 12 * HOUR }],
    ["a machine that slept", { now: 12 * HOUR, monotonic: 0 }],
  ])("are over after twelve hours: %s", (_name, step) => {
    const { at, clock } = clocks();
    const sessions = new Sessions(clock);
    const own = cookie(sessions.open("t1"));
    at.now += 12 * HOUR - 1;
    at.monotonic += 12 * HOUR - 1;
    expect(sessions.tokenIdOf(own)).toBe("t1");
    at.now += step.now - 12 * HOUR + 1;
    at.monotonic += step.monotonic - 12 * HOUR + 1;
    expect(sessions.tokenIdOf(own)).toBeNull();
  });

  it("end one by one, and all of a token at once", () => {
    const sessions = new Sessions();
    const [first, second, other] = [sessions.open("t1"), sessions.open("t1"), sessions.open("t2")].map(cookie);
    expect(sessions.end(first)).toBe("__Host-clawproof=; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    expect([first, second, other].map((one) => sessions.tokenIdOf(one))).toEqual([null, "t1", "t2"]);
    sessions.endToken("t1");
    expect([first, second, other].map((one) => sessions.tokenIdOf(one))).toEqual([null, null, "t2"]);
  });

  it("are a thousand at most, and one token's flood ends only its own", () => {
    const sessions = new Sessions();
    const kim = cookie(sessions.open("kim"));
    const flood = Array.from({ length: 1_500 }, () => cookie(sessions.open("flood")));
    expect(sessions.tokenIdOf(kim)).toBe("kim");
    expect(flood.filter((one) => sessions.tokenIdOf(one) !== null)).toHaveLength(999);
    expect(sessions.tokenIdOf(flood.at(-1))).toBe("flood");
  });
});
