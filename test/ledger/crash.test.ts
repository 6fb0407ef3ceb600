import { describe, it } from "vitest";
import { crashRounds } from "./crashes.ts";
import { placeFor } from "./ledgers.ts";

const ROUNDS = 10;

describe.each(["sqlite", "postgres"] as const)("recording in %s, killed at random instants", (dialect) => {
  const place = placeFor(dialect);

  it(`loses nothing that was acknowledged (${ROUNDS} rounds)`, { timeout: 60_000 }, async () => {
    await crashRounds(await place.fresh(), ROUNDS);
  });
});
