import { describe, expect, it } from "vitest";
import { maskOutput, saysItCovers } from "../../src/evidence/script-output.ts";

describe("maskOutput", () => {
  it.each([
    ["nothing for trace abc", "nothing for trace xyz"],
    ["at 2026-11-22T06:00:00.123Z", "at 2026-11-23T07:01:02.999Z"],
    ["at 2026-11-22 06:00:00", "at 2026-11-22 06:00:01"],
    ["at Thu Jan 01 1970 01:00:00 GMT+0000 (Coordinated Universal Time)", "at Fri Jan 02 1970 01:00:00 GMT+0000 (UTC)"],
    ["took 12 ms", "took 1.5s"],
    ["run 4bf92f3577b34da6a3ce929d0e0e4736", "run 00f067aa0ba902b7"],
    ["id 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "id 123e4567-e89b-12d3-a456-426614174000"],
    ['{"pid":41,"time":1763791200123}', '{"pid":4210,"time":1763791200999}'],
  ])("takes %j and %j for the same", (one, other) => {
    expect(maskOutput(one, ["abc"])).toBe(maskOutput(other, ["xyz"]));
  });

  it.each([
    ["1 record", "0 records"],
    ["undo email_send #12", "undo email_send #13"],
    ["back to plan basic", "back to plan family"],
  ])("keeps %j and %j apart", (one, other) => {
    expect(maskOutput(one, [])).not.toBe(maskOutput(other, []));
  });
});

describe("saysItCovers", () => {
  const unknown = "nothing to undo";
  const says = (known: string, onlyType = true, type = "db_update"): boolean =>
    saysItCovers(type, { known, unknown }, onlyType);

  it.each([
    "undo db_update #3",
    "db_update: would restore\nemail_send: no handler",
    "no handler: email_send\nundo db_update",
  ])("believes %j", (known) => {
    expect(says(known, false)).toBe(true);
  });

  it.each([
    "db_update: no handler",
    "skipping db_update",
    "db_update is not supported",
    "cannot undo db_update",
    "unknown type db_update",
    "db_update_all: undo",
    "1 record to undo",
  ])("does not believe %j of a trace with several types", (known) => {
    expect(says(known, false)).toBe(false);
  });

  it("believes an output without names only of a trace with one type, and without a refusal in it", () => {
    expect(says("1 record to undo")).toBe(true);
    expect(says("1 record skipped")).toBe(false);
    expect(says(`${unknown}\n1 record to undo`)).toBe(true);
  });

  it("does not take the type's own name for a refusal", () => {
    expect(says("undo skip-payment #1", true, "skip-payment")).toBe(true);
  });
});
