import { describe, it } from "vitest";
import { crashRounds } from "./crashes.ts";
import { placeFor } from "./ledgers.ts";

/** With those of `clawproof rollback` (test/e2e/rollback.test.ts) a hundred kills: a tenth of what `npm run test:long` makes. */
const ROUNDS = 25;

describe.each(["sqlite", "postgres"] as const)("recording in %s, killed at random instants", (dialect) => {
  const place = placeFor(dialect);

  it(`loses nothing that was acknowledged (${ROUNDS} rounds)`, { timeout: 60_000 }, async () => {
    await crashRounds(await place.fresh(), ROUNDS);
  });
});
