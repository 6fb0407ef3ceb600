import { describe, expect, test } from "vitest";
import { absent, type Fact, found } from "../../src/audit/fact.ts";
import { gatherFacts, ORDER_OF_WORK, type Step, step, stepsFor } from "../../src/audit/gather.ts";
import type { FactName, FallbackFacts } from "../../src/evidence/facts.ts";
import { Interrupted } from "../../src/evidence/gathering.ts";
import { checkOf, gatheringOf, projectOf } from "./support.ts";

const CONSENTING = `
version: 1
agent: { name: support }
rollback: { script: { run: [node, x.mjs], dryRun: [--dry-run], rehearse: { trace: recent } } }
`;

function fallbackStep(gather: () => Promise<Fact<FallbackFacts>>): Step {
  return step("fallback", () => Promise.resolve(gather));
}

describe("stepsFor", () => {
  const names = (needs: Parameters<typeof checkOf>[0]["needs"], text?: string): FactName[] =>
    stepsFor([checkOf({ needs })], projectOf(text)).map(({ fact }) => fact);

  test("only what the checks need, in the order of work: files, databases, rehearsals, last the script", () => {
    expect(ORDER_OF_WORK.map(({ fact }) => fact)).toEqual([
      "actions",
      "breaker",
      "canary",
      "fallback",
      "killSwitch",
      "drills",
      "records",
      "rehearsal",
      "breakerRehearsal",
      "script",
    ]);
    expect(names({ rehearsal: "optional", fallback: "required" })).toEqual(["fallback", "rehearsal"]);
  });

  test("a script's dry run brings what it is held against, and pulls no switch for it", () => {
    expect(names({ script: "required" })).toEqual(["script"]);
    expect(names({ script: "required" }, CONSENTING)).toEqual(["actions", "records", "script"]);
  });
});

describe("gatherFacts", () => {
  test("one after the other, each once, timed", async () => {
    const order: string[] = [];
    const steps = (["breaker", "canary"] as const).map((fact) =>
      step(fact, () =>
        Promise.resolve(async () => {
          order.push(`${fact} begins`);
          await new Promise(setImmediate);
          order.push(`${fact} ends`);
          return absent(fact);
        }),
      ),
    );
    const gathering = gatheringOf();
    expect(await gatherFacts(gathering, steps)).toEqual({ breaker: 10, canary: 10 });
    expect(order).toEqual(["breaker begins", "breaker ends", "canary begins", "canary ends"]);
    expect(gathering.facts).toEqual({ breaker: absent("breaker"), canary: absent("canary") });
  });

  test("what throws costs its fact, redacted, without its stack", async () => {
    const project = projectOf(undefined, { env: { TOKEN: "hunter2222" } });
    await project.secrets.get("TOKEN");
    const gathering = gatheringOf(project);
    const told: unknown[] = [];
    const broken = new TypeError("read hunter2222\nof null");
    const steps = [
      fallbackStep(() => Promise.reject(broken)),
      step("canary", () => Promise.resolve(() => Promise.resolve(absent("none")))),
    ];
    await gatherFacts(gathering, steps, (error) => told.push(error));
    expect(gathering.facts.fallback).toEqual({ state: "failed", why: "read ${TOKEN} of null", evidence: [] });
    expect(gathering.facts.canary).toEqual(absent("none"));
    expect(told).toEqual([broken]);
  });

  test("Interrupted ends it", async () => {
    const steps = [fallbackStep(() => Promise.reject(new Interrupted("interrupted")))];
    await expect(gatherFacts(gatheringOf(), steps)).rejects.toThrow(Interrupted);
  });

  test("so does a door that throws because the run was aborted, and nothing begins afterwards", async () => {
    const ending = new AbortController();
    const aborting = fallbackStep(() => {
      ending.abort();
      return Promise.reject(new Error("aborted"));
    });
    await expect(gatherFacts(gatheringOf(projectOf(), { signal: ending.signal }), [aborting])).rejects.toThrow(
      Interrupted,
    );
    const late = fallbackStep(() => Promise.resolve(found({ text: "", source: "" }, [])));
    const gathering = gatheringOf(projectOf(), { signal: ending.signal });
    await expect(gatherFacts(gathering, [late])).rejects.toThrow(Interrupted);
    expect(gathering.facts).toEqual({});
  });
});
