import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { attest, attestationText } from "../../src/drill/attest.ts";
import { appendDrill } from "../../src/drill/log.ts";
import { keyPair } from "../drill/keys.ts";
import { drillOf } from "../drill/lines.ts";
import { folderWith, run } from "./support.ts";

const DAY = 86_400_000;

it("the log, its proof, its picture, an attestation and the reminder, as a person asks for them", async () => {
  const { privateKey, publicPem } = keyPair();
  const folder = await folderWith({
    "clawproof.yaml": {
      version: 1,
      agent: { name: "subscription-support" },
      drills: { log: ".clawproof/drills.jsonl", keys: ["drills.pub"] },
    },
    "drills.pub": publicPem,
  });
  const ended = Date.now() - 3 * DAY;
  const times = { startedAt: new Date(ended - 30_000).toISOString(), endedAt: new Date(ended).toISOString() };
  const line = drillOf(times);
  const attestation = attest(line, privateKey);
  await appendDrill(join(folder, ".clawproof/drills.jsonl"), { ...line, attestation });
  await writeFile(join(folder, "drill.intoto.json"), attestationText(attestation));

  const log = await run(folder, ["drill", "log", "--verify", "--svg", "drills.svg"]);
  expect(log).toMatchObject({ exitCode: 0, stderr: "", stdout: expect.stringContaining("signed by drills.pub") });
  expect(await readFile(join(folder, "drills.svg"), "utf8")).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  const verified = await run(folder, ["drill", "verify", "drill.intoto.json"]);
  expect(verified).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\[PASS\] signed by drills\.pub/) });
  const fresh = await run(folder, ["remind", "--ics", "drills.ics"]);
  expect(fresh).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("last drill 3 days ago") });
  expect(await readFile(join(folder, "drills.ics"), "utf8")).toMatch(/^BEGIN:VCALENDAR\r\n/);
  const due = await run(folder, ["remind", "--within", "33d"]);
  expect(due).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("in 31 days: clawproof drill") });
});
