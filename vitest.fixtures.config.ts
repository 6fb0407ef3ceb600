import { defineConfig } from "vitest/config";

// `npm run test:fixtures`: every fixture from end to end, which takes longer than all other tests together.
delete process.env["NODE_EXTRA_CA_CERTS"];

export default defineConfig({
  test: {
    include: ["test/e2e/fixtures.test.ts"],
    setupFiles: ["test/support/setup.ts"],
    env: { CLAWPROOF_TEST_FIXTURES: "all" },
    hookTimeout: 120_000,
    maxConcurrency: 6,
    retry: process.env.CI === "true" ? 1 : 0,
  },
});
