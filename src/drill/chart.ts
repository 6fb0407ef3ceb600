import { seconds } from "./trend.ts";

/** One drill of a picture. */
export interface ChartDrill {
  /** ISO 8601. */
  endedAt: string;
  /** Milliseconds; null where the agent did not stop. */
  ms: number | null;
  /** Whether it held. */
  held: boolean;
  mark: string;
}

export interface ChartWords {
  title: string;
  subtitle: string;
  /** The limit, in milliseconds. */
  targetMs: number;
}

const [WIDTH, HEIGHT] = [760, 304];
const AREA = { left: 64, right: 736, top: 72, bottom: 264 };
const MOST_DATES = 8;

/** Light as it stands, dark where the reader's system is. */
const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #57606a; }
    .title { font-size: 17px; font-weight: 600; fill: #1f2328; }
    .paper { fill: #ffffff; } .grid { stroke: #d0d7de; } .target { stroke: #9a6700; stroke-dasharray: 6 4; }
    .time { fill: none; stroke: #0969da; stroke-width: 2; } .held { fill: #0969da; }
    .failed { stroke: #cf222e; stroke-width: 2.5; fill: none; } .limit { fill: #9a6700; }
    @media (prefers-color-scheme: dark) {
      text { fill: #9198a1; } .title { fill: #f0f6fc; }
      .paper { fill: #0d1117; } .grid { stroke: #3d444d; } .target { stroke: #d29922; } .limit { fill: #d29922; }
      .time { stroke: #4493f8; } .held { fill: #4493f8; } .failed { stroke: #f85149; }
    }`;

/** The stop times of drills, oldest first, as an SVG without scripts that stands alone. */
export function drillChart(drills: readonly ChartDrill[], { title, subtitle, targetMs }: ChartWords): string {
  const times = drills.flatMap(({ ms }) => (ms === null ? [] : [ms]));
  const worst = Math.max(0, ...times);
  // A target far above every drill would press them all flat.
  const top = niceAbove(worst * 2 > targetMs ? Math.max(worst, targetMs) : worst);
  const across = (index: number): number =>
    drills.length < 2
      ? (AREA.left + AREA.right) / 2
      : AREA.left + 24 + (index * (AREA.right - AREA.left - 48)) / (drills.length - 1);
  const up = (ms: number): number => AREA.bottom - (ms / top) * (AREA.bottom - AREA.top);
  const points = drills.map((drill, index) => ({ drill, x: across(index), y: up(drill.ms ?? top) }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title subtitle">`,
    `  <style>${STYLE}\n  </style>`,
    `  <rect class="paper" width="${WIDTH}" height="${HEIGHT}"/>`,
    `  <text id="title" class="title" x="${AREA.left}" y="30">${escaped(cut(title, 70))}</text>`,
    `  <text id="subtitle" x="${AREA.left}" y="52">${escaped(cut(subtitle, 95))}</text>`,
    ...[0, 0.25, 0.5, 0.75, 1].map((part) => gridLine(part * top, up(part * top))),
    ...(targetMs <= top ? targetLine(targetMs, up(targetMs)) : []),
    ...linesBetween(points),
    ...points.map(({ drill, x, y }) => dot(drill, x, y)),
    ...dates(points),
    ...(drills.length === 0
      ? [`  <text x="${(AREA.left + AREA.right) / 2}" y="170" text-anchor="middle">no drill yet</text>`]
      : []),
    "</svg>",
    "",
  ].join("\n");
}

interface Point {
  drill: ChartDrill;
  x: number;
  y: number;
}

function gridLine(ms: number, y: number): string {
  return `  <line class="grid" x1="${AREA.left}" x2="${AREA.right}" y1="${place(y)}" y2="${place(y)}"/><text x="${AREA.left - 8}" y="${place(y + 4)}" text-anchor="end">${Number((ms / 1_000).toFixed(3))}s</text>`;
}

function targetLine(ms: number, y: number): string[] {
  return [
    `  <line class="target" x1="${AREA.left}" x2="${AREA.right}" y1="${place(y)}" y2="${place(y)}"/>`,
    `  <text class="limit" x="${AREA.right}" y="${place(y - 6)}" text-anchor="end">target ${Number((ms / 1_000).toFixed(3))}s</text>`,
  ];
}

/** A drill that did not stop has no time, so no line leads to it. */
function linesBetween(points: readonly Point[]): string[] {
  const runs: Point[][] = [[]];
  for (const point of points) {
    if (point.drill.ms === null) runs.push([]);
    else runs.at(-1)?.push(point);
  }
  return runs
    .filter((run) => run.length > 1)
    .map((run) => `  <polyline class="time" points="${run.map(({ x, y }) => `${place(x)},${place(y)}`).join(" ")}"/>`);
}

function dot({ endedAt, ms, held, mark }: ChartDrill, x: number, y: number): string {
  const said = `${endedAt}: ${ms === null ? "did not stop" : seconds(ms)}${held ? "" : ", did not hold"} (${mark})`;
  const [cx, cy] = [place(x), place(y)];
  const shape = held
    ? `<circle class="held" cx="${cx}" cy="${cy}" r="4.5"/>`
    : `<path class="failed" d="M${place(x - 5)} ${place(y - 5)}L${place(x + 5)} ${place(y + 5)}M${place(x - 5)} ${place(y + 5)}L${place(x + 5)} ${place(y - 5)}"/>`;
  const never = ms === null ? `<text x="${cx}" y="${place(y + 20)}" text-anchor="middle">did not stop</text>` : "";
  return `  <g><title>${escaped(said)}</title>${shape}${never}</g>`;
}

/** Every date where there is room, else every second, third, … up to the last. */
function dates(points: readonly Point[]): string[] {
  const every = Math.ceil(points.length / MOST_DATES);
  return points
    .filter((_, index) => (points.length - 1 - index) % every === 0)
    .map(
      ({ drill, x }) =>
        `  <text x="${place(x)}" y="${AREA.bottom + 24}" text-anchor="middle">${escaped(drill.endedAt.slice(0, 10))}</text>`,
    );
}

/** The next of 1, 2, 4, 6, 8, 10 times a power of ten. */
function niceAbove(ms: number): number {
  if (!(ms > 0)) return 1_000;
  const power = 10 ** Math.floor(Math.log10(ms));
  return (([1, 2, 4, 6, 8] as const).find((step) => step * power >= ms) ?? 10) * power;
}

function place(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function cut(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}

/** Text of a line is anybody's; what XML knows no spelling of is left out. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
