import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
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

describe("the README's jobs", () => {
  const DAILY = "47 6 * * *";
  const MONTHLY = "17 6 1 * *";

  it("its drills load", () => {
    const agent = "version: 1\nagent: { name: support }\n";
    const options = { file: "/project/clawproof.yaml", shownFile: "clawproof.yaml", cwd: "/project", env: {} };
    const { config } = projectFromText(agent + blockWith("drills:\n  store: switch"), options);
    expect(config).toMatchObject({ drills: { store: "switch", keys: ["drills.pub"] }, alerting: { routes: [{}] } });
  });

  it("of GitHub Actions drill on one schedule and remind on the other", () => {
    const workflow = parse(blockWith("name: kill switch drill")) as {
      on: { schedule: { cron: string }[] };
      jobs: Record<string, { if: string; steps: { run?: string }[] }>;
    };
    expect(workflow.on.schedule.map(({ cron }) => cron)).toEqual([MONTHLY, DAILY]);
    for (const [name, { if: condition, steps }] of Object.entries(workflow.jobs)) {
      expect(condition).toBe(`github.event.schedule ${name === "drill" ? "!=" : "=="} '${DAILY}'`);
      expect(steps.flatMap(({ run = "" }) => (run.includes("clawproof") ? [run] : []))).toEqual([
        expect.stringMatching(new RegExp(`^npx clawproof ${name} `)),
      ]);
    }
    expect(Object.keys(workflow.jobs)).toEqual(["drill", "remind"]);
  });

  it("of Kubernetes drill and remind, and repeat nothing until it passes", () => {
    const documents = parseAllDocuments(blockWith("apiVersion: batch/v1"));
    const jobs = documents.map((one) => {
      expect("errors" in one ? one.errors : []).toEqual([]);
      return (one as { toJS(): unknown }).toJS() as {
        kind: string;
        spec: {
          schedule: string;
          jobTemplate: {
            spec: {
              backoffLimit: number;
              template: { spec: { restartPolicy: string; containers: { command: string[] }[] } };
            };
          };
        };
      };
    });
    expect(jobs.map(({ kind, spec }) => [kind, spec.schedule])).toEqual([
      ["CronJob", MONTHLY],
      ["CronJob", DAILY],
    ]);
    const verbs = jobs.map(({ spec }) => {
      const { backoffLimit, template } = spec.jobTemplate.spec;
      expect([backoffLimit, template.spec.restartPolicy]).toEqual([0, "Never"]);
      return template.spec.containers[0]?.command.slice(0, 2);
    });
    expect(verbs).toEqual([
      ["node_modules/.bin/clawproof", "drill"],
      ["node_modules/.bin/clawproof", "remind"],
    ]);
  });

  it("of cron run at the same times", () => {
    const lines = /```crontab\n([\s\S]*?)```/.exec(readme)?.[1]?.trim().split("\n") ?? [];
    expect(lines.map((line) => line.split(/ {2,}/)[0])).toEqual([MONTHLY, DAILY]);
    for (const line of lines) expect(line).toMatch(/clawproof (drill|remind) --env staging/);
  });
});
