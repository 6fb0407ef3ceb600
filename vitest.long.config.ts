import { defineConfig } from "vitest/config";

// `npm run test:long`: what takes minutes to hours, one file after the other.
delete process.env["NODE_EXTRA_CA_CERTS"];

export default defineConfig({
  test: {
    include: ["test/long/**/*.test.ts"],
    setupFiles: ["test/support/setup.ts"],
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
});
