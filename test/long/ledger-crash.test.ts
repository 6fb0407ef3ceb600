import { describe, it } from "vitest";
import { crashRounds } from "../ledger/crashes.ts";
import { DIALECTS, placeFor } from "../ledger/ledgers.ts";

const ROUNDS = 250;

describe.each(DIALECTS)("recording in %s, killed at random instants", (dialect) => {
  const place = placeFor(dialect);

  it(`loses nothing that was acknowledged (${ROUNDS} rounds)`, { timeout: 1_800_000 }, async () => {
    await crashRounds(await place.fresh(), ROUNDS);
  });
});
