import { describe, expect, it } from "vitest";
import { type GuardOptions, readOptions } from "../../src/guard/options.ts";

const KILL_SWITCH = { url: "http://127.0.0.1:4600", token: "secret-token" };
const GIVEN: GuardOptions = { agent: "support", killSwitch: KILL_SWITCH };

describe("options of createGuard", () => {
  it("have defaults for all but agent and killSwitch", () => {
    const { instance, ...settings } = readOptions(GIVEN);
    expect(settings).toEqual({
      agent: "support",
      version: undefined,
      killSwitch: { urls: ["http://127.0.0.1:4600"], token: "secret-token", ca: undefined },
      leaseMs: 15_000,
      whenLost: "read-only",
      fallback: undefined,
      drainMs: 5_000,
      throws: true,
    });
    expect(instance).toMatch(/.-[0-9a-f]{8}$/);
    expect(readOptions(GIVEN).instance).not.toBe(instance);
  });

  it("take several addresses of one service", () => {
    const url = ["https://a.example/", "https://b.example/stop/"];
    expect(readOptions({ ...GIVEN, killSwitch: { ...KILL_SWITCH, url } }).killSwitch?.urls).toEqual([
      "https://a.example",
      "https://b.example/stop",
    ]);
  });

  it("say aloud that there is no switch: then no lease runs out", () => {
    expect(readOptions({ agent: "support", killSwitch: "none" })).toMatchObject({
      killSwitch: null,
      leaseMs: Number.POSITIVE_INFINITY,
    });
  });

  it.each([
    [{ killSwitch: { url: undefined, token: "t" } }, "killSwitch.url is undefined"],
    [{ killSwitch: { url: [], token: "t" } }, "killSwitch.url is undefined"],
    [{ killSwitch: { url: "http://a.example", token: undefined } }, "killSwitch.token is undefined"],
    [{ killSwitch: { url: "http://a.example", token: "" } }, "killSwitch.token is undefined"],
    [
      { killSwitch: { url: "ftp://a.example", token: "t" } },
      'killSwitch.url must be an http:// or https:// address, not "ftp://a.example"',
    ],
    [{ killSwitch: { url: "a.example", token: "t" } }, "must be an http:// or https:// address"],
    [{ killSwitch: undefined as never }, 'killSwitch must be { url, token }, or "none"'],
    [{ killSwitch: "off" as never }, 'killSwitch must be { url, token }, or "none"'],
    [
      { killSwitch: { ...KILL_SWITCH, lease: "soon" } },
      'killSwitch.lease must be a duration such as "15s", or milliseconds, not "soon"',
    ],
    [{ killSwitch: { ...KILL_SWITCH, lease: 0 } }, "killSwitch.lease must be longer"],
    [
      { killSwitch: { ...KILL_SWITCH, whenLost: "running" as never } },
      'killSwitch.whenLost must be "read-only" or "stopped"',
    ],
    [{ killSwitch: { ...KILL_SWITCH, lease: "26s" } }, "killSwitch.lease and drain together are 31000 ms"],
    [{ drain: "16s" }, "killSwitch.lease and drain together are 31000 ms"],
    [{ drain: -1 }, "drain must be a duration"],
    [{ agent: "all" }, 'agent must not be "all", which means something else in scopes'],
    [{ agent: "no spaces" }, 'not "no spaces"'],
    [{ version: "a/b" }, "version must be a name"],
    [{ instance: " " }, "instance must be a name"],
    [{ refused: "ignore" as never }, 'refused must be "throw" or "result"'],
    [{ fallback: " " }, "fallback must be a text"],
    [{ fallback: {} }, "fallback must be a text"],
    [{ fallback: { en: "Paused.", de: "" } }, "fallback must be a text"],
    [{ fallback: null as never }, "fallback must be a text"],
    [{ drian: "5s" } as never, "drian is not an option of createGuard; known are agent,"],
    [{ killSwitch: { ...KILL_SWITCH, leas: "5s" } as never }, "leas is not an option of killSwitch; known are url,"],
    [{ killSwitch: { ...KILL_SWITCH, url: 5 as never } }, "must be an http:// or https:// address, not 5"],
    [{ killSwitch: { ...KILL_SWITCH, ca: "/etc/ca.pem" } }, "the certificates themselves, in PEM, not a path"],
    [{ onNotice: "console" as never }, 'onNotice must be a function, not "console"'],
  ] satisfies [Partial<GuardOptions>, string][])("refuse %j", (wrong, message) => {
    expect(() => readOptions({ ...GIVEN, ...wrong })).toThrow(TypeError);
    expect(() => readOptions({ ...GIVEN, ...wrong })).toThrow(message);
  });

  it.each([undefined, null, "support"])("are an object, and not %j", (none) => {
    expect(() => readOptions(none as never)).toThrow("createGuard must be an object with agent,");
  });

  it("never show the token", () => {
    expect(() => readOptions({ ...GIVEN, killSwitch: { url: "nowhere", token: "secret-token" } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("secret-token") }),
    );
  });

  it("let lease and drain be 30 s together, and not a millisecond more", () => {
    expect(readOptions({ ...GIVEN, killSwitch: { ...KILL_SWITCH, lease: "25s" } }).leaseMs).toBe(25_000);
    expect(() => readOptions({ ...GIVEN, killSwitch: { ...KILL_SWITCH, lease: 25_001 } })).toThrow("30001 ms");
  });
});
