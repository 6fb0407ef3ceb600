import { expect, it } from "vitest";
import { complaintOf } from "../../src/doors/complaint.ts";
import { sendCommand } from "../../src/doors/command.ts";
import { contextOf } from "./servers.ts";

const complaintOfCode = async (code: string): Promise<string> =>
  complaintOf(await sendCommand({ command: [process.execPath, "-e", code] }, contextOf()));

it("is what happened, and not what Node.js prints below it", async () => {
  expect(await complaintOfCode("throw Object.assign(new Error('no such refund'), { code: 7 })")).toBe(
    ": Error: no such refund",
  );
  expect(await complaintOfCode("console.error('first'); console.error('refund 7 is unknown')")).toBe(
    ": refund 7 is unknown",
  );
  expect(await complaintOfCode("console.error('   indented alone')")).toBe(": indented alone");
  expect(await complaintOfCode("")).toBe("");
});
