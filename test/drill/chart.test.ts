import { expect, it } from "vitest";
import { type ChartDrill, drillChart } from "../../src/drill/chart.ts";

const drill = (month: number, ms: number | null, more: Partial<ChartDrill> = {}): ChartDrill => ({
  endedAt: `2026-${String(month).padStart(2, "0")}-10T06:00:30.000Z`,
  ms,
  held: ms !== null,
  mark: "clawproof-7f3a91",
  ...more,
});
const chart = (drills: ChartDrill[], words = {}) =>
  drillChart(drills, { title: "Time to stop support", subtitle: "best 3.0s", targetMs: 30_000, ...words });

it("has a point for each drill, a line between those that stopped, and a cross for one that did not hold", () => {
  const svg = chart([drill(1, 3_000), drill(2, 4_000), drill(3, null), drill(4, 3_500), drill(5, 3_200)]);
  expect(svg.match(/<circle /g)).toHaveLength(4);
  expect(svg.match(/<path class="failed"/g)).toHaveLength(1);
  expect(svg.match(/<polyline /g)).toHaveLength(2);
  expect(svg).toContain("<title>2026-03-10T06:00:30.000Z: did not stop, did not hold (clawproof-7f3a91)</title>");
  expect(svg).toContain("prefers-color-scheme: dark");
});

it("shows the target only where the drills come near it", () => {
  expect(chart([drill(1, 3_000)])).not.toContain("target 30s");
  expect(chart([drill(1, 20_000)])).toContain("target 30s");
});

it("is there for no drill and for one", () => {
  expect(chart([])).toContain("no drill yet");
  expect(chart([drill(1, 3_000)])).not.toContain("<polyline");
  for (const svg of [chart([]), chart([drill(1, null)]), chart([drill(1, 0)])]) expect(svg).not.toMatch(/NaN|Infinity/);
});

it("writes at most a few dates, the last one always", () => {
  const many = Array.from({ length: 40 }, (_, index) =>
    drill(1, 3_000, { endedAt: new Date(Date.UTC(2026, 0, index + 1)).toISOString() }),
  );
  const dates = chart(many).match(/>2026-\d\d-\d\d</g) ?? [];
  expect(dates.length).toBeLessThanOrEqual(8);
  expect(dates.at(-1)).toBe(">2026-02-09<");
});

it("is text of nobody's making: what lines hold is escaped, cut, and runs nothing", () => {
  const evil = `</text><script>alert("1")</script>\u0000\ud800&`;
  const svg = chart([drill(1, 3_000, { mark: evil })], { title: evil.repeat(9), subtitle: evil });
  expect(svg).not.toMatch(/<script|[\ud800-\udfff]/);
  expect(svg).not.toContain("\u0000");
  expect(svg).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;");
  expect(
    svg
      .match(/<(?!\/)[a-z]+/g)
      ?.filter((tag) => !/^<(svg|style|rect|text|line|polyline|g|title|circle|path)$/.test(tag)),
  ).toEqual([]);
});
