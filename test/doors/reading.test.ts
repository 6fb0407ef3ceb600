import { describe, expect, it } from "vitest";
import type { Reading } from "../../src/config/primitives.ts";
import { answerJson, readThrough, readTime } from "../../src/doors/reading.ts";

describe("readThrough", () => {
  const value = { a: { b: 0 }, empty: "", none: null, list: [], off: false, mode: "stopped" };
  it.each<[Reading, unknown]>([
    ["/a/b", 0],
    ["", value],
    ["/missing", undefined],
    [["/empty", "/none", "/list", "/missing", "/mode"], "stopped"],
    [["/off", "/mode"], false],
    [["/empty", "/none"], undefined],
    [{ at: "/mode", is: "stopped" }, true],
    [{ at: "/mode", is: "running" }, false],
    [{ at: "/a", is: { b: 0 } }, true],
    [{ at: "/missing", is: "stopped" }, undefined],
  ])("%o gives %o", (reading, found) => {
    expect(readThrough(value, reading)).toEqual(found);
  });
});

describe("readTime", () => {
  const ms = Date.UTC(2026, 10, 22, 6, 0, 0, 500);
  it.each<[unknown, number | null]>([
    ["2026-11-22T06:00:00.500Z", ms],
    ["2026-11-22T07:00:00,5+01:00", ms],
    ["2026-11-22 07:00:00.5+0100", ms],
    ["2026-11-22 07:00:00.5+01", ms],
    ["2026-11-22T06:00:00.500", ms],
    ["2026-11-22T06:00:00.500123456z", ms],
    ["2026-11-22", Date.UTC(2026, 10, 22)],
    [ms, ms],
    [String(ms), ms],
    [ms / 1_000, ms],
    [String(ms / 1_000), ms],
    [99_999_999_999, 99_999_999_999_000],
    [100_000_000_000, 100_000_000_000],
    [ms * 1_000, null],
    [0, null],
    [-1, null],
    [Number.NaN, null],
    ["yesterday", null],
    ["2026-13-01", null],
    ["22.11.2026", null],
    ["", null],
    [true, null],
    [null, null],
  ])("%o is %o", (value, time) => {
    expect(readTime(value)).toBe(time);
  });
});

describe("answerJson", () => {
  it.each([
    ['{"a":1}', { value: { a: 1 } }],
    ["<!DOCTYPE html><html>", { why: "answered HTML, not JSON" }],
    ["<?xml version='1.0'?>", { why: "answered XML, not JSON" }],
    [" ", { why: "answered nothing, not JSON" }],
    ["OK", { why: "answered text, not JSON" }],
  ])("%o", (text, parsed) => {
    expect(answerJson({ via: "http", status: 200, headers: {}, text, sentAt: 0, arrivedAt: 0 })).toEqual(parsed);
  });

  it("says of a command what it printed", () => {
    const answer = { via: "command", exit: 0, stdout: "hi", stderr: "", sentAt: 0, arrivedAt: 0 } as const;
    expect(answerJson(answer)).toEqual({ why: "printed text, not JSON" });
  });
});
