import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { projectFromText } from "../../src/config/load.ts";
import { switchConfigFromText } from "../../src/config/switch-config.ts";

/** What the README shows of the switch's configuration, copied by people as it stands. */

const readme = readFileSync(resolve(import.meta.dirname, "../../README.md"), "utf8");
const blocks = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
const blockWith = (start: string): string => blocks.find((block) => block.startsWith(start)) ?? "";

describe("the README's YAML", () => {
  it("of switch.yaml loads", async () => {
    const file = { file: "/srv/switch.yaml", shownFile: "switch.yaml", env: {} };
    const { settings } = await switchConfigFromText(blockWith("switch:"), file);
    expect(settings).toMatchObject({ name: "production stop", leaseMs: 15_000 });
    expect(settings.alerts).toHaveLength(3);
  });

  it("of provider: clawproof loads, and consents", () => {
    const agent = `version: 1
agent: { name: support, url: http://127.0.0.1:4100, probes: { write: { url: /note, method: POST } } }
`;
    const options = { file: "/project/clawproof.yaml", shownFile: "clawproof.yaml", cwd: "/project", env: {} };
    const { config } = projectFromText(agent + blockWith("killSwitch:\n  provider: clawproof"), options);
    expect(config.killSwitch).toMatchObject({ provider: "clawproof", rehearse: { scope: "drill/support" } });
  });

  it.each(["breaker:\n  settings: { url: /guard }", "rollback:\n  ledger:"])("of the guard loads: %j", (start) => {
    const agent = "version: 1\nagent: { name: support, url: http://127.0.0.1:4100 }\n";
    const options = { file: "/project/clawproof.yaml", shownFile: "clawproof.yaml", cwd: "/project", env: {} };
    expect(blockWith(start)).not.toBe("");
    const { config } = projectFromText(agent + blockWith(start), options);
    expect(config.rollback?.ledger).toBe("sqlite:actions.db");
  });
});
