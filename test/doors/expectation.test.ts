import { describe, expect, it } from "vitest";
import { CallFailed, type Answer, type Expectation, type FailureKind, type Refusal } from "../../src/doors/door.ts";
import { classify, matches } from "../../src/doors/expectation.ts";

function http(status: number, text = ""): Answer {
  return { via: "http", status, headers: {}, text, sentAt: 0, arrivedAt: 1 };
}
function command(exit: number, stdout = ""): Answer {
  return { via: "command", exit, stdout, stderr: "", sentAt: 0, arrivedAt: 1 };
}
function failure(kind: FailureKind, why: string): CallFailed {
  return new CallFailed(kind, why, 0, 1);
}

describe("matches", () => {
  it.each<[Answer, Expectation | undefined]>([
    [http(200), undefined],
    [http(299), {}],
    [http(503), { status: 503 }],
    [http(404), { status: [200, 404] }],
    [http(200, "paused until noon"), { text: "until" }],
    [http(200, '{"a":{"b":[1,{"c":null}]}}'), { json: { "/a": { b: [1, { c: null }] }, "/a/b/0": 1 } }],
    [command(0), undefined],
    [command(3), { exit: [3, 4] }],
    [command(0, "stopped\n"), { stdout: "stopped" }],
  ])("%o is %o", (answer, expectation) => {
    expect(matches(answer, expectation)).toEqual({ met: true });
  });

  it.each<[Answer, Expectation | undefined, string]>([
    [http(199), undefined, "answered 199"],
    [http(300), undefined, "answered 300"],
    [http(500, "ok"), { text: "ok" }, "answered 500"],
    [http(200), { status: 201 }, "answered 200"],
    [http(200, "no"), { text: "yes" }, "answered 200 without the expected text"],
    [http(200, "<!DOCTYPE html><p>"), { json: { "/a": 1 } }, "answered 200, and answered HTML, not JSON"],
    [http(200, '{"a":false}'), { json: { "/a": true } }, "answered 200 with false at /a, not true"],
    [http(200, '{"a":"1"}'), { json: { "/a": 1 } }, 'answered 200 with "1" at /a, not 1'],
    [http(200, "{}"), { json: { "/a": null } }, "answered 200 with nothing at /a"],
    [http(200), { exit: 0 }, "answered 200, but a command was described"],
    [command(1), undefined, "ended with exit status 1"],
    [command(1, "ok"), { stdout: "ok" }, "ended with exit status 1"],
    [command(0), { status: 200 }, "ended with exit status 0, but a request was described"],
  ])("%o is not %o", (answer, expectation, why) => {
    expect(matches(answer, expectation)).toEqual({ met: false, why });
  });
});

describe("classify", () => {
  const refused: Refusal[] = [{ status: 503 }, { json: { "/paused": true } }];

  it.each<[string, Answer | CallFailed, Refusal[] | undefined, string]>([
    ["2xx", http(200, "{}"), refused, "accepted"],
    ["a described status", http(503), refused, "refused"],
    ["a described body, although it is a success", http(200, '{"paused":true}'), refused, "refused"],
    [
      "a connection that is gone, where that is listed",
      failure("gone", "connection refused"),
      [{ gone: true }],
      "refused",
    ],
    ["an exit status", command(7), [{ exit: 7 }], "refused"],
  ])("judges %s", (_, outcome, list, kind) => {
    expect(classify(outcome, { refused: list })).toEqual({ kind });
  });

  it.each<[string, Answer | CallFailed, Refusal[] | undefined, string]>([
    ["another status", http(401), refused, "answered 401"],
    ["a refusal that nobody described", http(503), undefined, "answered 503"],
    [
      "a connection that is gone, where that is not listed",
      failure("gone", "connection refused"),
      refused,
      "connection refused",
    ],
    [
      "a time limit, even where gone is listed",
      failure("timeout", "no answer in 2 s"),
      [{ gone: true }],
      "no answer in 2 s",
    ],
    ["an answer, where only gone is listed", http(500), [{ gone: true }], "answered 500"],
    ["a failure that an entry without conditions would cover", http(500), [{}], "answered 500"],
  ])("leaves open %s", (_, outcome, list, why) => {
    expect(classify(outcome, { refused: list })).toEqual({ kind: "neither", why });
  });

  it("does not let an entry without conditions turn a success into a refusal", () => {
    expect(classify(http(200), { refused: [{}, { gone: true, status: 200 }] })).toEqual({ kind: "accepted" });
  });
});
