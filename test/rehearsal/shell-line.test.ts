import { execa } from "execa";
import { describe, expect, it } from "vitest";
import type { Call } from "../../src/doors/door.ts";
import { shellLine } from "../../src/rehearsal/shell-line.ts";
import { contextOf } from "../doors/servers.ts";

const NASTY = `it's "$HOME" \`id\` \\ !x`;
const context = contextOf(
  { TOKEN: "token-of-the-test" },
  { placeholders: { scope: "drill/support", reason: NASTY }, base: "http://127.0.0.1:4100" },
);
const lineFor = (call: Call) => shellLine(call, context);

describe("the line that a person types", () => {
  it.each<[string, Call, string]>([
    [
      "a request with a secret",
      { url: "http://127.0.0.1:4200/resume", method: "POST", headers: { authorization: "Bearer ${TOKEN}" } },
      'curl -fsS -X POST -H "authorization: Bearer $TOKEN" http://127.0.0.1:4200/resume',
    ],
    [
      "a relative URL, a scope in it, and a default that nobody overrode",
      { url: "/release/${scope}?by=${WHO:-nobody}" },
      "curl -fsS -X GET 'http://127.0.0.1:4100/release/drill%2Fsupport?by=nobody'",
    ],
    ["a secret that is not set", { url: "https://${HOST}/x${UNSET}y" }, 'curl -fsS -X GET "https://$HOST/x${UNSET}y"'],
  ])("for %s", async (_, call, line) => {
    expect(await lineFor(call)).toBe(line);
  });

  it("is read by a shell as it was meant", async () => {
    const call: Call = { command: ["printf", "%s|", "${reason}", "${TOKEN}", "a b", 'pre-${TOKEN}_post "$x"'] };
    const line = await lineFor(call);
    expect(line).not.toContain("token-of-the-test");
    const { stdout } = await execa("sh", ["-c", line], { env: { TOKEN: "secret" } });
    expect(stdout).toBe(`${NASTY}|secret|a b|pre-secret_post "$x"|`);
  });

  it("gives what a command reads, in the folder it runs in", async () => {
    const { stdout } = await execa("sh", [
      "-c",
      await lineFor({ command: ["sh", "-c", "cat; pwd"], stdin: "${reason}\n" }),
    ]);
    expect(stdout).toBe(`${NASTY}\n${import.meta.dirname.replace(/rehearsal$/, "doors")}`);
  });
});
