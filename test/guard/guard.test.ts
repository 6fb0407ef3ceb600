import { describe, expect, it, vi } from "vitest";
import { ActionRefused } from "../../src/guard/refusal.ts";
import { handGuard, heldAction } from "./support.ts";

const FALLBACK = "Nothing was changed; a colleague will write to you today.";
const ok = async (input: number): Promise<number> => input + 1;

describe("a guarded action", () => {
  it("resolves to what run resolves to, and throws what it throws", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const add = guard.action("add", { run: ok });
    const sum = guard.action("sum", { effect: "read", run: (input: number[]) => input.length });
    const fail = guard.action("fail", { run: () => Promise.reject(new RangeError("too much")) });
    expect([await add(1), await sum([1, 2])]).toEqual([2, 2]);
    await expect(fail(undefined)).rejects.toThrow(RangeError);
    expect(guard.state().counts).toEqual({ begun: 3, done: 2, failed: 1, refused: 0 });
  });

  it("never runs as a write before the switch was heard, and reads do", async () => {
    const { guard } = handGuard();
    const run = vi.fn(ok);
    const write = guard.action("write", { run });
    const read = guard.action("read", { effect: "read", run: ok });
    await expect(write(1)).rejects.toMatchObject({ name: "ActionRefused", reason: "never-heard" });
    await expect(read(1)).resolves.toBe(2);
    expect(run).not.toHaveBeenCalled();
  });

  it("is refused with who ordered it, why, and what a user reads", async () => {
    const { guard, client } = handGuard({ fallback: FALLBACK });
    client.order({});
    const refund = guard.action("refund", { run: ok });
    const error = await refund(1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ActionRefused);
    expect(error).toMatchObject({
      reason: "stopped",
      mode: "stopped",
      fallback: FALLBACK,
      retryAfterSeconds: 60,
      message: "support may not refund: the kill switch has stopped it (order 1 by kim: odd refunds)",
    });
  });

  it("resolves to the refusal where that was asked for", async () => {
    const { guard, client } = handGuard({ fallback: FALLBACK, refused: "result" });
    client.order({ mode: "read-only" });
    const refund = guard.action("refund", { run: ok });
    await expect(refund(1)).resolves.toEqual({ refused: true, reason: "read-only", message: FALLBACK });
  });

  it.each([
    [{ scope: "*" }, "stopped"],
    [{ scope: "support" }, "stopped"],
    [{ scope: "support@2.4.1" }, "stopped"],
    [{ scope: "support/refund" }, "stopped"],
    [{ scope: "support@2.4.2" }, null],
    [{ scope: "support/lookup" }, null],
    [{ scope: "other" }, null],
    [{ scope: "drill/support" }, null],
  ])("obeys an order on %j: %s", async ({ scope }, reason) => {
    const { guard, client } = handGuard();
    client.order({ scope });
    const refund = guard.action("refund", { run: ok });
    expect(guard.check("refund").reason).toBe(reason);
    if (reason === null) await expect(refund(1)).resolves.toBe(2);
    else await expect(refund(1)).rejects.toMatchObject({ reason });
  });

  it("stops writing when the lease is over, and goes on when the switch is heard again", async () => {
    const { guard, clock, client } = handGuard();
    client.beat();
    const write = guard.action("write", { run: ok });
    clock.pass(15_000);
    await expect(write(1)).resolves.toBe(2);
    clock.pass(1);
    await expect(write(1)).rejects.toMatchObject({ reason: "lost", retryAfterSeconds: 15 });
    client.beat();
    await expect(write(1)).resolves.toBe(2);
  });

  it("does not trust one clock alone: a machine that slept goes on with its wall clock", async () => {
    const { guard, clock, client } = handGuard();
    client.beat();
    const write = guard.action("write", { run: ok });
    clock.wallNow += 15_001;
    await expect(write(1)).rejects.toMatchObject({ reason: "lost" });
  });

  it.each([-3_600_000, -15_001, -15_000])("nor the wall clock, which may be set back: by %d ms", async (back) => {
    const { guard, clock, client } = handGuard();
    client.beat();
    const write = guard.action("write", { run: ok });
    clock.pass(15_001);
    clock.wallNow += back;
    // A jump of just the time that passed shows at the next look at both clocks: at the latest after 64 calls.
    let written = 0;
    for (let i = 0; i < 100; i++)
      written += await write(1).then(
        () => 1,
        () => 0,
      );
    expect(written).toBeLessThanOrEqual(back === -15_001 || back === -15_000 ? 64 : 0);
    await expect(write(1)).rejects.toMatchObject({ reason: "lost" });
  });

  it("is not run where its anomaly test outlives the lease", async () => {
    const run = vi.fn(ok);
    const { guard, clock, client } = handGuard({
      breaker: {
        anomaly: () => {
          clock.pass(20_000);
          return false;
        },
      },
    });
    client.beat();
    await expect(guard.action("write", { run })(1)).rejects.toMatchObject({ reason: "lost" });
    expect(run).not.toHaveBeenCalled();
  });

  it("is told its trace: the one given, the request's, else a new one", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const tell = guard.action("tell", { run: (_input: null, { trace, drill }) => ({ trace, drill }) });
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    expect(await tell(null, { trace: "friday", headers: { traceparent } })).toEqual({ trace: "friday", drill: false });
    expect(await tell(null, { headers: { traceparent, "clawproof-drill": "1" } })).toEqual({
      trace: "0af7651916cd43dd8448eb211c80319c",
      drill: true,
    });
    expect((await tell(null)).trace).toMatch(/^[0-9a-f]{32}$/);
  });

  it("is registered once, under a name that can be ordered about", () => {
    const { guard } = handGuard();
    guard.action("refund", { run: ok });
    expect(() => guard.action("refund", { run: ok })).toThrow("guarded already");
    expect(() => guard.action("no/name", { run: ok })).toThrow(TypeError);
    expect(() => guard.action("empty", {} as never)).toThrow("has no run");
    expect(() => guard.action("odd", { run: ok, effect: "maybe" as never })).toThrow("effect of odd");
    expect(guard.actions()).toEqual([{ type: "refund", effect: "write", undo: "unknown" }]);
  });
});

describe("calls of a drill", () => {
  it("obey drill orders beside the real ones, which nobody else notices", async () => {
    const { guard, client } = handGuard();
    client.order({ scope: "drill/support" });
    const write = guard.action("write", { run: ok });
    await expect(write(1)).resolves.toBe(2);
    await expect(write(1, { drill: true })).rejects.toMatchObject({ reason: "stopped" });
    client.release("drill/support");
    client.order({ scope: "support" });
    await expect(write(1, { drill: true })).rejects.toMatchObject({ reason: "stopped" });
  });

  it("are counted apart, and never open the real breaker", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const fail = guard.action("fail", { run: () => Promise.reject(new Error("no")) });
    for (let i = 0; i < 5; i++) await fail(null, { drill: true }).catch(() => undefined);
    const { breaker, drill, counts } = guard.state();
    expect(counts.failed).toBe(0);
    expect(breaker.state).toBe("closed");
    expect(drill).toMatchObject({ counts: { failed: 5 }, breaker: { state: "open" } });
    await expect(fail(null, { drill: true })).rejects.toMatchObject({ reason: "breaker" });
    expect(client.trips).toEqual([]);
  });

  it("are held by the real breaker", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const fail = guard.action("fail", { run: () => Promise.reject(new Error("no")) });
    const write = guard.action("write", { run: ok });
    for (let i = 0; i < 5; i++) await fail(null).catch(() => undefined);
    await expect(write(1, { drill: true })).rejects.toMatchObject({ reason: "breaker" });
  });
});

describe("what runs when the order comes", () => {
  it("is told to end; what may finish has the drain for it, and what ignores its signal is named", async () => {
    vi.useFakeTimers();
    try {
      const { guard, clock, client, notices } = handGuard({ drain: "5s" });
      client.beat();
      const held = heldAction();
      const finishing = heldAction();
      const reading = heldAction();
      const calls = [
        guard.action("held", { run: held.run })(null),
        guard.action("finishing", { finish: true, run: finishing.run })(null),
        guard.action("reading", { effect: "read", run: reading.run })(null),
      ];
      const [stuck, late, read] = [held.calls[0], finishing.calls[0], reading.calls[0]];
      client.order({ mode: "read-only" });
      expect([stuck?.signal.aborted, late?.signal.aborted, read?.signal.aborted]).toEqual([true, false, false]);
      expect(stuck?.signal.reason).toBeInstanceOf(ActionRefused);
      expect(client.told?.running()).toEqual({ held: 1, finishing: 1 });

      clock.pass(4_999);
      client.beat();
      vi.advanceTimersByTime(100);
      expect([late?.signal.aborted, notices.filter(({ code }) => code === "ignores-signal")]).toEqual([false, []]);
      clock.pass(1);
      vi.advanceTimersByTime(100);
      expect(late?.signal.aborted).toBe(true);
      const named = notices.filter(({ code }) => code === "ignores-signal").map(({ message }) => message.split(" ")[0]);
      expect(named.sort()).toEqual(["finishing", "held"]);

      const asked = client.reportsAsked;
      stuck?.end();
      late?.end(new Error("aborted"));
      read?.end();
      await Promise.allSettled(calls);
      expect(client.reportsAsked).toBe(asked + 2);
      expect(client.told?.running()).toEqual({});
      // An action that was told to end has not failed.
      expect(guard.state().breaker.counts.failed).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is told to end when the lease is over, whether or not anybody calls", () => {
    vi.useFakeTimers();
    try {
      const { guard, clock, client, notices } = handGuard();
      client.beat();
      vi.advanceTimersByTime(100);
      const held = heldAction();
      void guard.action("held", { run: held.run })(null);
      clock.pass(15_001);
      vi.advanceTimersByTime(100);
      expect(held.calls[0]?.signal.aborted).toBe(true);
      expect(notices.map(({ code }) => code)).toEqual(["heard", "lost"]);
      // Silence is no order: the switch is told of what runs against its own word alone.
      expect(client.told?.running()).toEqual({});
    } finally {
      vi.useRealTimers();
    }
  });

  it("holds up guard.stopped; guard.signal comes at once", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const { signal, stopped } = guard;
    let isStopped = false;
    void stopped.then(() => (isStopped = true));
    const held = heldAction();
    const call = guard.action("held", { run: held.run })(null);
    client.order({});
    expect(signal.aborted).toBe(true);
    await Promise.resolve();
    expect(isStopped).toBe(false);
    held.calls[0]?.end();
    await call;
    await stopped;
    expect(isStopped).toBe(true);
    client.release();
    expect(guard.signal.aborted).toBe(false);
    expect(guard.stopped).not.toBe(stopped);
  });

  it("ends with the caller's own signal too", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const held = heldAction();
    const own = new AbortController();
    const call = guard.action("held", { run: held.run })(null, { signal: own.signal });
    expect(held.calls[0]?.signal.aborted).toBe(false);
    own.abort();
    expect(held.calls[0]?.signal.aborted).toBe(true);
    held.calls[0]?.end();
    await call;
  });
});

describe("guard.check", () => {
  it("answers at once, by what the type is known to do", () => {
    const { guard, client } = handGuard({ fallback: { en: "Paused.", de: "Pausiert." } });
    client.order({ mode: "read-only" });
    guard.action("lookup", { effect: "read", run: ok });
    guard.action("refund", { run: ok });
    expect(guard.check("lookup")).toEqual({ allowed: true, mode: "read-only", reason: null, fallback: null });
    expect(guard.check("refund", { locale: "de" })).toEqual({
      allowed: false,
      mode: "read-only",
      reason: "read-only",
      fallback: "Pausiert.",
    });
    // What nobody has registered counts as a write.
    expect([guard.check("unknown").allowed, guard.check("unknown", { effect: "read" }).allowed]).toEqual([false, true]);
  });
});

describe("an action that cannot be meant", () => {
  it.each([
    [null, "the action odd must be an object with effect,"],
    [{ efect: "read", run: ok }, "efect is not an option of the action odd; known are effect,"],
    [{}, "the action odd has no run"],
    [{ run: ok, target: "order/1" }, 'target of the action odd must be a function, not "order/1"'],
    [{ run: ok, finish: "no" }, 'finish of the action odd must be true or false, not "no"'],
    [{ run: ok, undoWithin: "soon" }, "undoWithin of odd must be a duration"],
    [{ run: ok, breaker: 5 }, "breaker must be an object of settings, not 5"],
    [{ run: ok, undo: { http: "https://mail.example" } }, "undo.http of odd must be a request"],
    [{ run: ok, undo: { http: {} } }, "undo.http of odd must be a request"],
    [{ run: ok, undo: { command: "node undo.mjs" } }, "undo.command of odd must be a list"],
    [{ run: ok, undo: { command: [] } }, "undo.command of odd must be a list"],
    [{ run: ok, undo: { module: "" } }, "undo.module of odd must be a file"],
    [{ run: ok, undo: { module: "./undo.mjs", residu: "read" } }, "residu is not an option of undo of odd"],
    [{ run: ok, undo: { sql: null } }, "undo.sql of odd must be an object with database,"],
  ])("is refused: %j", (definition, message) => {
    const { guard } = handGuard();
    expect(() => guard.action("odd", definition as never)).toThrow(TypeError);
    expect(() => guard.action("odd", definition as never)).toThrow(message);
    expect(guard.actions()).toEqual([]);
  });
});

describe("without a switch", () => {
  it("the breaker alone holds, and a person's yes is said to the guard", async () => {
    const { guard, notices } = handGuard({ killSwitch: "none" });
    const fail = guard.action("fail", { run: () => Promise.reject(new Error("no")) });
    const write = guard.action("write", { run: ok });
    await guard.ready();
    await expect(write(1)).resolves.toBe(2);
    for (let i = 0; i < 5; i++) await fail(null).catch(() => undefined);
    await expect(write(1)).rejects.toMatchObject({
      reason: "breaker",
      message: expect.stringContaining("consecutive"),
    });
    expect(() => guard.resume({ by: "kim", reason: " " })).toThrow(TypeError);
    expect(() => guard.resume({ by: "kim" } as never)).toThrow("resume needs by and reason");
    guard.resume({ by: "kim", reason: "the bank is back" });
    await expect(write(1)).resolves.toBe(2);
    expect(guard.state().breaker.state).toBe("closed");
    expect(notices.map(({ code }) => code)).toEqual(["breaker-open", "resumed"]);
  });

  it("resume is not for an agent that a switch holds", () => {
    const { guard } = handGuard();
    expect(() => guard.resume({ by: "kim", reason: "fixed" })).toThrow("release its order there");
  });
});

describe("a restart", () => {
  it("does not close what was open", async () => {
    const first = handGuard({ killSwitch: "none" });
    const fail = first.guard.action("fail", { run: () => Promise.reject(new Error("no")) });
    for (let i = 0; i < 5; i++) await fail(null).catch(() => undefined);
    const saved = JSON.parse(JSON.stringify(first.guard.save())) as ReturnType<typeof first.guard.save>;
    const second = handGuard({ killSwitch: "none", restore: saved });
    await expect(second.guard.action("write", { run: ok })(1)).rejects.toMatchObject({ reason: "breaker" });
    expect(() => handGuard({ killSwitch: "none", restore: { breaker: {} as never, types: {} } })).toThrow(TypeError);
  });

  it.each([null, {}, "{}", [], { types: {} }, (saved: object) => saved, (saved: object) => ({ breaker: saved })])(
    "does not begin closed from what is not all that was saved: %j",
    (wrong) => {
      const saved = handGuard({ killSwitch: "none" }).guard.save();
      const restore = (typeof wrong === "function" ? wrong(saved.breaker) : wrong) as typeof saved;
      expect(() => handGuard({ killSwitch: "none", restore })).toThrow(/restore.*guard\.save.*cannot be read/);
    },
  );

  it("knows the types that were saved, and no member that every object has", () => {
    const first = handGuard({ killSwitch: "none" });
    const { guard } = handGuard({ killSwitch: "none", restore: first.guard.save() });
    expect(guard.action("constructor", { breaker: true, run: ok })).toBeInstanceOf(Function);
  });
});

describe("guard.ready", () => {
  it("waits for the switch, and says where it was not heard", async () => {
    const { guard, client } = handGuard();
    const ready = guard.ready();
    client.beat();
    await ready;
    await guard.ready();
    const silent = handGuard();
    await expect(silent.guard.ready({ timeout: 1 })).rejects.toThrow(
      "support has not heard its kill switch at http://127.0.0.1:1 within 1 ms: it does not write",
    );
  });
});

describe("guard.close", () => {
  it("ends every write", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const write = guard.action("write", { run: ok });
    await guard.close();
    await expect(write(1)).rejects.toMatchObject({ reason: "lost" });
  });

  it("lets what runs go on to the end of the lease, and tells it to end then: nobody hears an order any more", async () => {
    vi.useFakeTimers();
    try {
      const { guard, clock, client } = handGuard({ drain: "5s" });
      client.beat();
      const held = heldAction();
      const finishing = heldAction();
      void guard.action("held", { run: held.run })(null);
      void guard.action("finishing", { finish: true, run: finishing.run })(null);
      await guard.close();
      const aborted = () => [held, finishing].map(({ calls }) => calls[0]?.signal.aborted);
      clock.pass(15_000);
      vi.advanceTimersByTime(100);
      expect(aborted()).toEqual([false, false]);
      clock.pass(1);
      vi.advanceTimersByTime(100);
      expect(aborted()).toEqual([true, false]);
      clock.pass(5_000);
      vi.advanceTimersByTime(100);
      expect(aborted()).toEqual([true, true]);
      expect(held.calls[0]?.signal.reason).toMatchObject({ reason: "lost" });
      held.calls[0]?.end();
      finishing.calls[0]?.end();
      await vi.advanceTimersByTimeAsync(100);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is not undone by what the client still does to its lease", async () => {
    const { guard, client } = handGuard();
    client.beat();
    const write = guard.action("write", { run: ok });
    await guard.close();
    client.beat();
    await expect(write(1)).rejects.toMatchObject({ reason: "lost" });
  });

  it("ends who waits for the switch, at once, and is one ending whoever asks", async () => {
    const { guard } = handGuard();
    const waiting = expect(guard.ready({ timeout: "1h" })).rejects.toThrow("the guard of support is closed");
    const closing = guard.close();
    expect(guard.close()).toBe(closing);
    await Promise.all([closing, waiting]);
    await expect(guard.ready()).rejects.toThrow("the guard of support is closed");
  });
});

describe("a listener of notices that throws", () => {
  it("keeps nothing from being stopped, changes no outcome, and loses no news", async () => {
    vi.useFakeTimers();
    const said: unknown[] = [];
    const spy = vi.spyOn(console, "error").mockImplementation((line) => void said.push(line));
    try {
      const onNotice = (): void => {
        throw new Error("the logger is down");
      };
      const { guard, clock, client } = handGuard({ onNotice, drain: 0 });
      client.beat();
      const held = heldAction();
      const running = ["one", "two"].map((type) => guard.action(type, { run: held.run })(null));
      const fail = guard.action("fail", { run: () => Promise.reject(new RangeError("a bug")) });
      for (let i = 0; i < 5; i++) await expect(fail(null)).rejects.toThrow("a bug");
      client.order({});
      clock.pass(1);
      vi.advanceTimersByTime(100);
      expect(held.calls.map(({ signal }) => signal.aborted)).toEqual([true, true]);
      const codes = said.map((line) => /\[(.*)\]$/.exec(String(line))?.[1]);
      expect(codes.sort()).toEqual(["breaker-open", "ignores-signal", "ignores-signal"]);
      for (const call of held.calls) call.end();
      await Promise.all(running);
    } finally {
      spy.mockRestore();
      vi.useRealTimers();
    }
  });
});

describe("guard.refusal", () => {
  it("is 503 with Retry-After, in the user's language", async () => {
    const { guard, client } = handGuard({ fallback: { en: "Paused.", de: "Pausiert." } });
    client.order({});
    const refund = guard.action("refund", { run: ok });
    const error = await refund(1).catch((thrown: unknown) => thrown);
    const response = guard.refusal(error, { headers: new Headers({ "accept-language": "de-AT, en;q=0.5" }) });
    expect([response.status, response.headers.get("retry-after"), await response.text()]).toEqual([
      503,
      "60",
      "Pausiert.",
    ]);
    expect(await guard.refusal(error).text()).toBe("Paused.");
    expect(() => guard.refusal(new RangeError("a bug"))).toThrow(RangeError);
  });
});
