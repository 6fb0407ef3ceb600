import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Call } from "../../src/config/call.ts";
import { contextOf } from "../../src/doors/context.ts";
import { whyUnready } from "../../src/doors/ready.ts";
import { folderForTest, gatheringFrom } from "../evidence/support.ts";

const YAML = "version: 1\nagent: { name: support, url: http://127.0.0.1:9 }\n";

async function asked(call: Call, env: Record<string, string> = {}) {
  const folder = await folderForTest();
  await mkdir(join(folder, "bin"));
  for (const [name, mode] of [
    ["release", 0o755],
    ["notes", 0o644],
  ] as const) {
    await writeFile(join(folder, "bin", name), "#!/bin/sh\n");
    await chmod(join(folder, "bin", name), mode);
  }
  const { project } = gatheringFrom(folder, YAML, { env: { PATH: join(folder, "bin"), ...env } });
  return whyUnready(call, contextOf(project, { scope: "drill/support" }));
}

it.each<[string, Call]>([
  ["a request", { url: "http://127.0.0.1:9/resume/${scope}", headers: { t: "${TOKEN}" } }],
  ["a relative one", { url: "/resume" }],
  ["a program of its folder", { command: ["./bin/release", "${scope}"] }],
  ["a program along PATH", { command: ["release"] }],
])("%s can be sent", async (_, call) => {
  expect(await asked(call, { TOKEN: "token" })).toBeNull();
});

it.each<[string, Call, string]>([
  ["a secret that is not set", { url: "/resume", headers: { t: "${TOKEN}" } }, "TOKEN is not set"],
  ["a value that is not there", { url: "/resume?trace=${trace}" }, "`${trace}` has no value here"],
  ["no web address", { url: "ftp://127.0.0.1/resume" }, "not an http or https URL"],
  ["a program that is missing", { command: ["./release"] }, "./release is not a program that can be run here"],
  ["one that nobody may run", { command: ["./bin/notes"] }, "./bin/notes is not a program that can be run here"],
  ["one that is not along PATH", { command: ["resume"] }, "resume is not a program that can be run here"],
  ["a secret in its arguments that is not set", { command: ["release", "${TOKEN}"] }, "TOKEN is not set"],
])("%s is said", async (_, call, why) => {
  expect(await asked(call)).toMatchObject({ why });
});
