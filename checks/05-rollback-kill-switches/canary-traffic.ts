import { defineCheck, fail, type Judgement, pass, warn } from "../../src/audit/check.ts";
import type { CanaryFacts } from "../../src/evidence/facts.ts";
import { percentText } from "./words.ts";

/** Above this a canary is no canary (contract, 05.7). */
const MOST_PCT = 50;
const EVERYBODY_PCT = 100;

const FIX =
  "roll new versions out step by step (5 % and a pause, or a preview), and name the manifest under canary.manifest";
const START_SMALL = "begin with 5 % of the users and a gate (a pause, an analysis, a person) before the next step";
const RESOLVE =
  "point canary.manifest at the rendered manifest, without templates, and canary.resource at one resource";

export default defineCheck({
  id: "05.7",
  key: "canary-traffic",
  subject: "Canary deployment",
  asks: "How many users get a new version before anything can hold it back?",
  why: "An agent's new version does wrong confidently and looks right; five in a hundred users find out instead of all.",
  fix: FIX,
  needs: { canary: "required" },
  section: ["canary"],
  absent: () => fail("No canary or blue-green deployment configured"),
  judge({ canary: { reading } }, { policy }) {
    if (reading.kind === "unknown") return warn(`Canary deployment share unknown — ${reading.why}`, RESOLVE);
    if (reading.kind === "blue-green" && reading.gate !== "none") {
      return pass("Blue-green deployment configured: preview before promotion");
    }
    return judgeShare(firstShare(reading), policy.canaryPercent);
  },
});

/** What users get before the first gate: where nothing ever waits, everything. */
function firstShare(reading: Exclude<CanaryFacts["reading"], { kind: "unknown" }>): number {
  return reading.gate === "none" || reading.kind === "blue-green" ? EVERYBODY_PCT : reading.beforeFirstGatePct;
}

function judgeShare(pct: number, startPct: number): Judgement {
  if (!(pct >= 0 && pct <= EVERYBODY_PCT)) {
    return warn(`Canary deployment share unknown — the manifest comes to ${pct}%`, RESOLVE);
  }
  if (pct > MOST_PCT)
    return fail(`Canary deployment starts at ${percentText(pct, (shown) => shown > MOST_PCT)}`, START_SMALL);
  if (pct <= startPct) return pass(`Canary deployment configured: ${percentText(pct)} initial traffic`);
  const share = percentText(pct, (shown) => shown > startPct && shown <= MOST_PCT);
  return warn(`Canary deployment starts at ${share} (start at ${percentText(startPct)})`, START_SMALL);
}
