import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { askToAct, canAsk, checkActOn, mayActAs } from "../../src/commands/consent.ts";
import { activatorOf } from "../../src/commands/activator.ts";
import { Interrupted } from "../../src/evidence/gathering.ts";
import { projectOf } from "../audit/support.ts";
import { Kept, surroundingsOf } from "./support.ts";

const TEXT = "version: 1\nagent: { name: support }\nenvironments: { production: {}, staging: {} }\n";
const production = projectOf(TEXT, { environment: "production" });
const staging = projectOf(TEXT, { environment: "staging" });

function terminal() {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  return surroundingsOf([], { stdin, stderr: new Kept({ columns: 80 }) });
}

test("--act-on must name the environment of --env", () => {
  expect(() => checkActOn("production", "production")).not.toThrow();
  expect(() => checkActOn(undefined, "production")).not.toThrow();
  expect(() => checkActOn("production", undefined)).toThrow("--act-on production needs --env production");
  expect(() => checkActOn("production", "staging")).toThrow(
    "--act-on production and --env staging name two environments",
  );
});

test("a protected environment needs its name; the mode comes first", () => {
  expect(mayActAs("full", projectOf(TEXT), undefined)).toBe(true);
  expect(mayActAs("full", staging, undefined)).toBe(true);
  expect(mayActAs("full", production, undefined)).toEqual({ why: "production is protected: add --act-on production" });
  expect(mayActAs("full", production, "production")).toBe(true);
  expect(mayActAs("read-only", production, "production")).toEqual({ why: "--read-only" });
  expect(mayActAs("offline", projectOf(TEXT), undefined)).toEqual({ why: "--offline" });
});

describe("askToAct", () => {
  test("asks only where somebody sits", () => {
    expect(canAsk(terminal())).toBe(true);
    expect(canAsk(surroundingsOf([], { stderr: new Kept({ columns: 80 }) }))).toBe(false);
    expect(canAsk({ ...terminal(), stderr: new Kept() })).toBe(false);
  });

  test.each([
    ["production\n", true],
    ["  production \n", true],
    ["staging\n", { why: "production is protected, and its name was not typed" }],
    ["\n", { why: "production is protected, and its name was not typed" }],
  ])("typed %j", async (typed, expected) => {
    const here = terminal();
    const asked = askToAct("production", "drill/support at stop.example.net", here);
    here.stdin.write(typed);
    expect(await asked).toEqual(expected);
    expect(here.stderr.text).toContain("production is protected, and this audit would act on drill/support at stop.");
  });

  test("end of input is no yes, an interruption ends it", async () => {
    const here = terminal();
    const asked = askToAct("production", "drill/support at stop.example.net", here);
    here.stdin.end();
    expect(await asked).not.toBe(true);
    const ending = new AbortController();
    const waiting = askToAct("production", "", { ...terminal(), signal: ending.signal });
    ending.abort();
    await expect(waiting).rejects.toThrow(Interrupted);
  });
});

test("the activator is --by, else the CI's actor, else user@host", () => {
  expect(activatorOf("kim", { GITHUB_ACTOR: "octo" })).toBe("kim");
  expect(activatorOf(undefined, { GITHUB_ACTOR: "octo" })).toBe("octo");
  expect(activatorOf(undefined, { GITHUB_ACTOR: "", GITLAB_USER_LOGIN: "lab" })).toBe("lab");
  expect(activatorOf(undefined, {})).toMatch(/^.+@.+$/);
});
