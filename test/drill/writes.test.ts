import { describe, expect, it } from "vitest";
import type { State } from "../../src/drill/state.ts";
import { type Asking, drillWritesOf, readStates, readSteadyStates, writeOneOfEach } from "../../src/drill/writes.ts";
import { Interrupted } from "../../src/evidence/gathering.ts";
import { newTrace } from "../../src/rehearsal/trace.ts";
import { folderForTest, gatheringFrom } from "../evidence/support.ts";
import { Shop } from "./shop.ts";

/** What a drill writes and reads, asked of a real server. */

async function asking(shop: Shop, writes: string) {
  const { project } = gatheringFrom(
    await folderForTest(),
    `version: 1\nagent: { name: support, probes: { ${writes} } }\n`,
  );
  const trace = newTrace().id;
  return { writes: drillWritesOf(project), asked: { project, filling: { trace } } satisfies Asking, trace };
}

const whyOf = (state: State | undefined): string => (state !== undefined && "why" in state ? state.why : "a digest");

describe("the states that tell whether a write was undone", () => {
  it("must stand still by themselves", async () => {
    const shop = await Shop.open();
    shop.drifting.add("drifting");
    shop.unreadable.add("closed");
    const { writes, asked } = await asking(shop, shop.writes(["still", "drifting", "closed", "stateless"]));
    const states = await readSteadyStates(writes, asked);
    expect([...states].map(([type, state]) => [type, whyOf(state)])).toEqual([
      ["still", "a digest"],
      ["drifting", "it changes by itself: name what to compare with `at`"],
      ["closed", "answered 500"],
    ]);
  });

  it("are what stands at `at`, or the whole answer where that is no JSON", async () => {
    const shop = await Shop.open();
    shop.drifting.add("a");
    const call = (name: string, state: string) =>
      `${name}: { url: "${shop.url}/write?type=a", state: { url: "${shop.url}${state} } }`;
    const types = [
      call("a", '/state?type=a", at: /items'),
      call("text", '/text"'),
      call("nothing", '/state", at: /none'),
      call("json", '/text", at: /x'),
    ];
    const { writes, asked } = await asking(shop, `writes: { ${types.join(", ")} }`);
    const before = await readSteadyStates(writes, asked);
    expect([...before].map(([type, state]) => [type, whyOf(state)])).toEqual([
      ["a", "a digest"],
      ["text", "a digest"],
      ["nothing", "nothing stands at /none of its answer"],
      ["json", expect.stringContaining("JSON")],
    ]);
    shop.items.push({ type: "a", trace: "x" });
    const after = await readStates(writes, asked);
    for (const type of ["a", "text"]) expect(after.get(type)).not.toEqual(before.get(type));
  });
});

describe("one write of each type", () => {
  it("is made under the drill's trace, and must change its state", async () => {
    const shop = await Shop.open();
    shop.dull.add("dull");
    shop.refused.add("refused");
    shop.unreadable.add("closed");
    const { writes, asked, trace } = await asking(
      shop,
      shop.writes(["note", "dull", "refused", "closed", "stateless"]),
    );
    expect(await writeOneOfEach(writes, asked)).toEqual([
      { type: "note", wrote: true, why: null },
      { type: "dull", wrote: true, why: "its state did not change, so undoing it would prove nothing" },
      { type: "refused", wrote: false, why: "not written: answered 403" },
      { type: "closed", wrote: true, why: "its state before the write could not be read: answered 500" },
      { type: "stateless", wrote: true, why: "not compared: it has no state (agent.probes.writes)" },
    ]);
    expect(shop.items).toEqual(["note", "closed", "stateless"].map((type) => ({ type, trace })));
  });

  it("is the last once the drill is interrupted", async () => {
    const shop = await Shop.open();
    const { writes, asked } = await asking(shop, shop.writes(["one", "two"]));
    const interruption = new AbortController();
    shop.onWrite = () => interruption.abort();
    await expect(writeOneOfEach(writes, { ...asked, signal: interruption.signal })).rejects.toThrow(Interrupted);
    expect(shop.items.map(({ type }) => type)).toEqual(["one"]);
  });
});
