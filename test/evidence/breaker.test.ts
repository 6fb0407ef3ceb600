import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gatherBreaker } from "../../src/evidence/breaker.ts";
import { folderForTest, gatheringFrom, valueOf } from "./support.ts";

const HEAD = "version: 1\nagent: { name: support }\n";

async function gather(yaml: string, settings?: string, overrides: Parameters<typeof gatheringFrom>[2] = {}) {
  const folder = await folderForTest();
  if (settings !== undefined) await writeFile(join(folder, "settings.yaml"), settings);
  return gatherBreaker(gatheringFrom(folder, HEAD + yaml, overrides));
}

describe("gatherBreaker", () => {
  it("is absent where nothing is configured, or only a rehearsal", async () => {
    expect(await gather("")).toMatchObject({ state: "absent" });
    expect(await gather("breaker: {}\n")).toMatchObject({ state: "absent", why: "breaker.settings is not configured" });
  });

  it("reads the agent's own settings, and says where they stand", async () => {
    const settings = "name: x\ncircuit_breaker:\n  error_rate_pct: 15\n  anomaly_rate_pct: 10\n  window: 5m\n";
    const fact = await gather("breaker: { settings: settings.yaml#/circuit_breaker }\n", settings);
    expect(valueOf(fact)).toMatchObject({
      level: "inspected",
      figures: { errorRatePct: 15, anomalyRatePct: 10, windowMs: 300_000 },
    });
    expect(fact).toMatchObject({ location: { file: "settings.yaml" }, evidence: [{ level: "inspected" }] });
  });

  it("maps other keys and units", async () => {
    const yaml = "breaker: { settings: settings.yaml, keys: { errorRatePct: errors }, unit: fraction }\n";
    expect(valueOf(await gather(yaml, "errors: 0.15\n")).figures).toMatchObject({ errorRatePct: 15 });
  });

  it("takes declared figures, and settings that stand in clawproof.yaml, for what they are: a claim", async () => {
    expect(valueOf(await gather("breaker: { declared: { errorRatePct: 15 } }\n")).level).toBe("declared");
    expect(valueOf(await gather('breaker: { settings: { text: "errorRatePct: 15" } }\n')).level).toBe("declared");
  });

  it("fails where the settings cannot be read, and withholds what offline may not ask", async () => {
    const yaml = "breaker: { settings: settings.yaml#/nowhere }\n";
    expect(await gather(yaml)).toMatchObject({ state: "failed", why: "settings.yaml does not exist" });
    expect(await gather(yaml, "a: 1\n")).toMatchObject({
      state: "failed",
      why: "settings.yaml has nothing at /nowhere",
    });
    const asks = 'breaker: { settings: { url: "http://127.0.0.1:9/settings" } }\n';
    expect(await gather(asks, undefined, { mode: "offline" })).toMatchObject({ state: "withheld" });
    expect(await gather(asks)).toMatchObject({ state: "failed" });
  });
});
