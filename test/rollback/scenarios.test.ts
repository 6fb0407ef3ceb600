import { describe, expect, it } from "vitest";
import { attacks } from "./scenarios/attacks.ts";
import { PUBLISHED } from "./scenarios/published.ts";
import { work } from "./scenarios/work.ts";
import { workstation } from "./scenarios/workstation.ts";

/**
 * revoco's published scenarios (scenarios/published.ts), one by one: an agent with a real guard acts on a real database, service,
 * folder and repository, and what became of them is read without it.
 */

const RUN: Readonly<Record<string, () => Promise<void>>> = { ...attacks, ...work, ...workstation };

describe.each(Object.entries(PUBLISHED))("%s", (_, scenarios) => {
  for (const { id, title, theirs, apart } of scenarios) {
    if (apart === undefined)
      it(`${id}: ${title} (theirs: ${theirs})`, () => RUN[id]?.() ?? expect.fail(`nothing runs ${id}`));
  }
});

it("every published scenario is run, or says why it does not translate", () => {
  const all = Object.values(PUBLISHED).flat();
  expect(Object.values(PUBLISHED).map(({ length }) => length)).toEqual([18, 39, 1, 11, 10]);
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  expect(all.flatMap(({ id, apart }) => (apart === undefined ? [id] : [])).sort()).toEqual(Object.keys(RUN).sort());
});
