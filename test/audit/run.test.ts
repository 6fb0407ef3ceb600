import { describe, expect, test } from "vitest";
import { type Check, couldNotBeChecked, fail, pass, warn } from "../../src/audit/check.ts";
import { absent, failed, found } from "../../src/audit/fact.ts";
import { step } from "../../src/audit/gather.ts";
import { runAudit } from "../../src/audit/run.ts";
import { Interrupted } from "../../src/evidence/gathering.ts";
import { checkOf, evidence, gatheringOf, projectOf, suiteOf } from "./support.ts";

const WAIVED = `version: 1
agent: { name: support }
waivers:
  - { check: canary-traffic, reason: One tenant, owner: dana@example.com, until: 2027-03-31 }
  - { check: drill-recency, reason: Summer, owner: dana@example.com, until: 2026-09-30 }
`;

const fallback = step("fallback", () =>
  Promise.resolve(() => Promise.resolve(found({ text: "", source: "" }, [evidence("inspected", "token hunter2222")]))),
);
const canary = checkOf({ needs: { fallback: "required" }, judge: () => fail("No canary, hunter2222") });
const drill = checkOf({ id: "05.10", key: "drill-recency", needs: {}, judge: () => warn("Old", "drill again") });

function audit(checks: readonly Check[], overrides: Partial<Parameters<typeof runAudit>[0]> = {}) {
  return runAudit({
    gathering: gatheringOf(),
    suites: [{ suite: suiteOf(checks), checks }],
    failOn: "fail",
    version: "0.1.0",
    steps: [fallback],
    ...overrides,
  });
}

describe("runAudit", () => {
  test("gives the contract's JSON form, without secrets", async () => {
    const project = projectOf(undefined, { env: { TOKEN: "hunter2222" } });
    await project.secrets.get("TOKEN");
    const { report } = await audit([canary], { gathering: gatheringOf(project) });
    expect(report).toEqual({
      schema: "clawproof/report@1",
      tool: { name: "clawproof", version: "0.1.0" },
      config: { file: "clawproof.yaml", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      agent: "support",
      environment: null,
      by: "kim@laptop",
      startedAt: "2026-11-22T06:00:00.000Z",
      durationMs: 30,
      status: "NEEDS ATTENTION",
      exitCode: 1,
      expiredWaivers: [],
      suites: [
        {
          id: "05",
          title: "Rollback & Kill Switches",
          status: "NEEDS ATTENTION",
          summary: { passed: 0, warnings: 0, failed: 1, skipped: 0, unknown: 0, waived: 0 },
          notJudged: 0,
          total: 1,
          checks: [
            {
              id: "05.7",
              key: "canary-traffic",
              verdict: "fail",
              unknown: false,
              message: "No canary, ${TOKEN}",
              evidence: [{ ...evidence("inspected", "token ${TOKEN}"), data: {} }],
              remedy: "configure one",
              waiver: null,
              durationMs: 10,
              location: { file: "clawproof.yaml", line: 2, column: 1 },
            },
          ],
        },
      ],
    });
  });

  test("a waived fail is a warn that nothing counts; an ended waiver is named and ignored", async () => {
    const gathering = gatheringOf(projectOf(WAIVED));
    const { report, exitCode } = await audit([canary, drill], { gathering, failOn: "warn" });
    expect(exitCode).toBe(1);
    expect(report?.suites[0]?.checks).toMatchObject([
      { verdict: "warn", waiver: { reason: "One tenant", owner: "dana@example.com", until: "2027-03-31" } },
      { verdict: "warn", waiver: null, remedy: "drill again" },
    ]);
    expect(report?.expiredWaivers).toEqual([
      {
        check: "drill-recency",
        reason: "Summer",
        owner: "dana@example.com",
        until: "2026-09-30",
        location: { file: "clawproof.yaml", line: 5, column: 5 },
      },
    ]);
    const alone = await audit([canary], { gathering, failOn: "warn" });
    expect(alone).toMatchObject({ exitCode: 0, report: { status: "READY" } });
  });

  test("a check that was left out makes it NOT JUDGED", async () => {
    const passing = checkOf({ needs: {}, judge: () => ({ ...pass("seen"), evidence: [evidence("probed")] }) });
    const suites = [{ suite: suiteOf([passing, drill]), checks: [passing] }];
    const { report, exitCode } = await audit([], { suites });
    expect(report?.suites[0]).toMatchObject({ status: "NOT JUDGED", notJudged: 1, total: 2 });
    expect(exitCode).toBe(0);
  });

  test("what could not be checked exits 3, with a remedy that fits", async () => {
    const judge = () => couldNotBeChecked("Canary", "no answer in 2 s");
    const { report, exitCode } = await audit([checkOf({ needs: {}, judge })]);
    expect(exitCode).toBe(3);
    expect(report?.suites[0]?.checks[0]?.remedy).toBe("remove what stood in the way, then audit again");
  });

  test("a place in a file beside clawproof.yaml is shown from where the command was started", async () => {
    const project = { ...projectOf(), shownFile: "fixtures/ready/clawproof.yaml" };
    const artefact = { file: "deploy/rollout.yaml", line: 12, column: 3 };
    const located = step("fallback", () =>
      Promise.resolve(() => Promise.resolve(found({ text: "", source: "" }, [evidence("inspected")], artefact))),
    );
    const { report } = await audit([canary], { gathering: gatheringOf(project), steps: [located] });
    expect(report?.suites[0]?.checks[0]?.location).toEqual({ ...artefact, file: "fixtures/ready/deploy/rollout.yaml" });
  });

  test("leftovers are seen to before anything is gathered; what is not back exits 4", async () => {
    const gathering = gatheringOf();
    const leftovers = (given: typeof gathering) => {
      expect(given.facts).toEqual({});
      given.notBack.push({ what: "the switch", command: "curl" });
      return Promise.resolve(null);
    };
    const { report, exitCode } = await audit([canary], { gathering, leftovers });
    expect([exitCode, report?.exitCode]).toEqual([4, 4]);
  });

  test("what an earlier run left in the way makes a rehearsal unknown, and a missing consent stays absent", async () => {
    const consented = step("rehearsal", () =>
      Promise.resolve(({ mayAct }) => Promise.resolve(absent(mayAct === true ? "?" : mayAct.why))),
    );
    const unconsented = step("breakerRehearsal", () => Promise.resolve(() => Promise.resolve(absent("no consent"))));
    const gathering = gatheringOf();
    await audit([checkOf({ needs: { rehearsal: "optional", breakerRehearsal: "optional" }, judge: () => warn("x") })], {
      gathering,
      steps: [consented, unconsented],
      leftovers: () => Promise.resolve("another clawproof is acting here"),
    });
    expect(gathering.facts.rehearsal).toEqual(failed("another clawproof is acting here"));
    expect(gathering.facts.breakerRehearsal).toEqual(absent("no consent"));
  });

  test("interrupted: no report, 130; and 4 where something is not back", async () => {
    const interrupted = step("fallback", () => Promise.reject(new Interrupted("interrupted")));
    expect(await audit([canary], { steps: [interrupted] })).toEqual({ report: null, exitCode: 130 });
    const gathering = gatheringOf();
    gathering.notBack.push({ what: "the switch", command: "curl" });
    expect(await audit([canary], { steps: [interrupted], gathering })).toEqual({ report: null, exitCode: 4 });
  });

  test("a fact that two checks need is gathered once", async () => {
    let times = 0;
    const counting = step("canary", () =>
      Promise.resolve(() => {
        times += 1;
        return Promise.resolve(absent("none"));
      }),
    );
    const one = checkOf({ needs: { canary: "required" } });
    await audit([one, { ...one, id: "05.8" }], { steps: [counting] });
    expect(times).toBe(1);
  });
});
