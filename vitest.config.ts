import { BaseSequencer, type TestSpecification } from "vitest/node";
import { defineConfig } from "vitest/config";

// Where a machine names more authorities than Node's own, every start of Node reads them, which takes longer than all the
// rest of it; the tests start Node a thousand times, and trust nobody but their own.
delete process.env["NODE_EXTRA_CA_CERTS"];

/** In this order, before all others: each takes long, most of it waiting, and the others run beside them. */
const LONG = [
  "e2e/fixtures",
  "e2e/cli",
  "e2e/drill",
  "evidence/script",
  "switch/page/page",
  "e2e/consent",
  "drill/faults/run",
  "drill/faults/samples",
  "drill/hold",
  "rehearsal/kill-switch",
  "rehearsal/troubles",
  "rehearsal/review",
  "evidence/records",
  "e2e/bad-input",
  "rehearsal/leftovers",
  "e2e/python-agent",
  "rehearsal/breaker",
  "e2e/rollback",
  "e2e/guarded",
  "e2e/friday",
  "rollback/histories",
  "switch/client/client",
  "switch/client/simulation",
  "guard/properties",
].map((name) => `${name}.test.ts`);

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const index = LONG.findIndex((name) => moduleId.endsWith(name));
      return index < 0 ? LONG.length : index;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/long/**"],
    setupFiles: ["test/support/setup.ts"],
    // Modules are loaded once a worker, not once a file: that was a fifth of all the work.
    isolate: false,
    // Only against hanging: what a test is about to prove in time, it measures itself.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The end-to-end tests mostly wait for agents to stop, but each starts up to ten processes: with more of them at once
    // on two processors, starting Node alone takes seconds, and everything that is timed for real suffers.
    maxConcurrency: 4,
    maxWorkers: 4,
    // Rehearsals are timed for real, and a machine that builds something else meanwhile can starve one of them. A test
    // that needed its second try is named in the report.
    retry: process.env.CI === "true" ? 1 : 0,
    sequence: { sequencer: LongFirst },
  },
});
