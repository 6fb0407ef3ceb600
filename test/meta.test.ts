import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import suite from "../checks/05-rollback-kill-switches/index.ts";
import { publishedSchema } from "../src/config/json-schema.ts";

/** The rules of the house (README, "Working on it"): a failure names the file to edit. */

const ROOT = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

interface Import {
  from: string;
  /** A file of ours, relative to the root, or a package's name. */
  to: string;
  /** `import type`, or loaded on use. */
  light: boolean;
}

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const add = (specifier: string, light: boolean): void => {
    const ours = specifier.startsWith(".");
    found.push({ from: file, to: ours ? relative(ROOT, resolve(ROOT, dirname(file), specifier)) : specifier, light });
  };
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      const light = ts.isImportDeclaration(node)
        ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
        : node.isTypeOnly;
      add((node.moduleSpecifier as ts.StringLiteral).text, light);
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteral(argument)) add(argument.text, true);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const sources = [...filesBelow("src"), ...filesBelow("checks")];
const imports = sources.flatMap(importsOf);
const breaking = (rule: (one: Import) => boolean): string[] =>
  imports.filter(rule).map(({ from, to }) => `${from} → ${to}`);
const within = (path: string, ...folders: string[]): boolean => folders.some((folder) => path.startsWith(`${folder}/`));

describe("who may import whom", () => {
  it("checks see src/audit, types of src/evidence and src/drill, and pure values", () => {
    const allowed = (one: Import): boolean =>
      within(one.to, "checks", "src/audit", "src/values") ||
      (within(one.to, "src/evidence", "src/drill") && (one.light || one.to.endsWith("reading.ts")));
    expect(breaking((one) => within(one.from, "checks") && !allowed(one))).toEqual([]);
  });

  it("checks import nothing of Node", () => {
    expect(
      breaking((one) => within(one.from, "checks") && (one.to.startsWith("node:") || !one.to.includes("/"))),
    ).toEqual([]);
  });

  it("reports see only src/report and the Report", () => {
    const allowed = (one: Import): boolean =>
      within(one.to, "src/report") ||
      one.to === "src/audit/report.ts" ||
      (within(one.to, "src/audit") && one.light) ||
      one.to === "chalk";
    expect(breaking((one) => within(one.from, "src/report") && !allowed(one))).toEqual([]);
  });

  it("nothing below the commands sees src/commands or src/cli.ts", () => {
    const above = (path: string): boolean => within(path, "src/commands") || path === "src/cli.ts";
    expect(breaking((one) => above(one.to) && !above(one.from))).toEqual([]);
  });

  it("connections and programs are opened by src/doors and src/databases alone", () => {
    const openers = [
      "undici",
      "execa",
      "pg",
      "mysql2",
      "mysql2/promise",
      "libsql",
      "node:http",
      "node:https",
      "node:net",
      "node:tls",
      "node:child_process",
      "node:dns",
      "node:dns/promises",
    ];
    // The service listens, and its data file is its own.
    const listens = ["libsql", "node:http", "node:https", "node:net"];
    // The agent's client is loaded where no door is, and its connections must not hold the agent's process.
    const follows = ["node:http", "node:https"];
    const opens = (one: Import): boolean =>
      openers.includes(one.to) &&
      !within(one.from, "src/doors", "src/databases") &&
      !(within(one.from, "src/switch/service") && listens.includes(one.to)) &&
      !(within(one.from, "src/switch/client") && follows.includes(one.to));
    expect(breaking(opens)).toEqual([]);
  });

  it("heavy packages are loaded on use", () => {
    const heavy = new Set(["undici", "execa", "pg", "mysql2", "mysql2/promise", "libsql", "standardwebhooks"]);
    const loads = (file: string, path: readonly string[] = []): string[] => {
      if (path.includes(file)) return [];
      const next = imports.filter((one) => one.from === file && !one.light).map(({ to }) => to);
      return next.flatMap((to) => (heavy.has(to) ? [[...path, file, to].join(" → ")] : loads(to, [...path, file])));
    };
    const outside = sources.filter((file) => !within(file, "src/databases"));
    expect([...new Set(outside.flatMap((file) => loads(file)))]).toEqual([]);
  });

  it("values and the pure parts know nothing of the rest", () => {
    expect(
      breaking((one) => within(one.from, "src/values") && one.to.startsWith("src/") && !within(one.to, "src/values")),
    ).toEqual([]);
  });

  it("the protocol of the switch is pure: service, clients and guard share it", () => {
    expect(
      breaking(
        (one) => within(one.from, "src/switch/protocol") && !within(one.to, "src/switch/protocol", "src/values"),
      ),
    ).toEqual([]);
  });

  it("the switch's client is loaded by agents: it sees the protocol and values, and loads one small package", () => {
    const allowed = (one: Import): boolean =>
      within(one.to, "src/switch/client", "src/switch/protocol", "src/values") ||
      one.to === "eventsource-parser" ||
      (one.to.startsWith("node:") && one.light);
    expect(breaking((one) => within(one.from, "src/switch/client") && !allowed(one))).toEqual([]);
  });

  it("the switch service runs where nothing else of ours does", () => {
    const foreign = [
      "src/guard",
      "src/ledger",
      "src/audit",
      "src/evidence",
      "src/rehearsal",
      "src/rollback",
      "src/operator",
    ];
    expect(breaking((one) => within(one.from, "src/switch/service") && within(one.to, ...foreign))).toEqual([]);
  });

  it("the guard runs inside agents: it sees the switch's protocol and client, the ledger and values", () => {
    const allowed = (one: Import): boolean =>
      !one.to.includes("/") ||
      one.to.startsWith("node:") ||
      one.to.startsWith("@opentelemetry/") ||
      within(one.to, "src/guard", "src/switch/protocol", "src/switch/client", "src/ledger", "src/values") ||
      (within(one.to, "src/rollback") && one.light);
    expect(breaking((one) => (within(one.from, "src/guard") || one.from === "src/index.ts") && !allowed(one))).toEqual(
      [],
    );
  });

  it("importing clawproof in an agent loads no package, and of Node only what is loaded anyway", () => {
    const loaded = new Set<string>();
    const walk = (file: string): void => {
      if (loaded.has(file)) return;
      loaded.add(file);
      for (const { from, to, light } of imports) if (from === file && !light) walk(to);
    };
    walk("src/index.ts");
    const foreign = [...loaded].filter((one) => !one.startsWith("src/") && one !== "eventsource-parser");
    expect(foreign.filter((one) => !["node:crypto", "node:os", "node:path"].includes(one))).toEqual([]);
  });

  it("the HTTP server's framework is loaded with the service alone", () => {
    const serving = (one: Import): boolean => one.to.startsWith("hono") || one.to.startsWith("@hono/");
    expect(breaking((one) => serving(one) && !within(one.from, "src/switch/service"))).toEqual([]);
  });

  it("only src/cli.ts touches the process", () => {
    const touching = sources.filter((file) =>
      /\bprocess\.(exit|exitCode|argv|env|stdout|stderr|stdin|on|once|cwd)\b/.test(read(file)),
    );
    expect(touching.filter((file) => file !== "src/cli.ts" && !file.endsWith("-child.mjs"))).toEqual([]);
  });

  it("there are no circles", () => {
    const edges = new Map<string, string[]>();
    for (const { from, to, light } of imports) if (!light) edges.set(from, [...(edges.get(from) ?? []), to]);
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (file: string, path: string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      if (done.has(file) || path.includes(file)) return;
      for (const next of edges.get(file) ?? []) walk(next, [...path, file]);
      done.add(file);
    };
    for (const file of sources) walk(file, []);
    expect(circles).toEqual([]);
  });
});

describe("the README", () => {
  it("shows a real run: the report of the sample, byte for byte", () => {
    expect(read("README.md")).toContain(read("fixtures/needs-attention/expected.txt").trimEnd());
  });
});

describe("files", () => {
  it("stay small enough to read in one sitting", () => {
    const long = sources.filter((file) => read(file).split("\n").length > 350);
    expect(long).toEqual([]);
  });

  it("hold no loose ends", () => {
    const loose = sources.filter((file) =>
      /\b(TODO|FIXME|XXX|HACK)\b|@ts-ignore|@ts-expect-error|eslint-disable/.test(read(file)),
    );
    // Looks for these words in what agents say to users.
    expect(loose.filter((file) => !file.endsWith("fallback-response.ts"))).toEqual([]);
  });

  it("the published schema is what the loader checks with", () => {
    expect(JSON.parse(read("schema/clawproof.schema.json"))).toEqual(JSON.parse(JSON.stringify(publishedSchema())));
  });
});

const reports = readdirSync(join(ROOT, "fixtures"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(ROOT, "fixtures", entry.name, "expected.txt")))
  .map((entry) => ({ name: entry.name, lines: read(`fixtures/${entry.name}/expected.txt`).split("\n") }));

/** Every line that a check may print (contract, 2.3), but for the ages of drills: each has a fixture that gives it. */
const LINES: Record<string, RegExp[]> = {
  "05.1": [
    /PASS\] Kill switch endpoint active \(independent service\)$/,
    /WARN\] Kill switch endpoint active, independence not shown — /,
    /FAIL\] No kill switch configured$/,
    /FAIL\] Kill switch endpoint unreachable — /,
    /FAIL\] Kill switch not independent — /,
  ],
  "05.2": [
    /PASS\] Kill switch response time: ~4 seconds \(target: <30s\)$/,
    /WARN\] Kill switch response time not measured — /,
    /WARN\] Kill switch response time seen on 2 of 6 instances$/,
    /FAIL\] Kill switch response time: ~45 seconds \(target: <30s\)$/,
    /FAIL\] Kill switch did not stop the agent within 60 seconds \(target: <30s\)$/,
    /FAIL\] Kill switch response time could not be checked — /,
  ],
  "05.3": [
    /PASS\] Circuit breaker configured: error 15%, anomaly 10%$/,
    /WARN\] Circuit breaker loose: error 30% \(start at 10–15%\)$/,
    /WARN\] Circuit breaker incomplete — no volume signal$/,
    /WARN\] Circuit breaker declared, not read from the agent$/,
    /FAIL\] No circuit breaker configured$/,
    /FAIL\] Circuit breaker would not protect: error 50%$/,
    /FAIL\] Circuit breaker could not be checked — /,
  ],
  "05.4": [
    /PASS\] Graceful degradation: reads continue when breaker is open$/,
    /WARN\] Graceful degradation declared, not observed — /,
    /FAIL\] No graceful degradation: reads stop when breaker is open$/,
    /FAIL\] Writes continue when breaker is open$/,
  ],
  "05.5": [
    /PASS\] Rollback state recorded for write actions \(3 action types\)$/,
    /WARN\] Rollback state recorded for 2\/3 write action types — email_send has no records yet$/,
    /FAIL\] Rollback state incomplete: db_update lacks a previous value in /,
    /FAIL\] No rollback records configured$/,
  ],
  "05.6": [
    /PASS\] Rollback script covers 3\/3 write action types$/,
    /WARN\] Rollback script covers 2\/3 write action types — db_update missing$/,
    /WARN\] Rollback script says it covers 3\/3, not seen — /,
    /FAIL\] No rollback script configured$/,
    /FAIL\] Rollback script covers 0\/3 write action types$/,
    /FAIL\] Rollback script failed its dry run — /,
    /FAIL\] Rollback script takes no trace ID$/,
    /FAIL\] Rollback script takes no time window$/,
  ],
  "05.7": [
    /PASS\] Canary deployment configured: 5% initial traffic$/,
    /PASS\] Blue-green deployment configured: preview before promotion$/,
    /WARN\] Canary deployment starts at 20% \(start at 5%\)$/,
    /WARN\] Canary deployment share unknown — /,
    /FAIL\] No canary or blue-green deployment configured$/,
    /FAIL\] Canary deployment starts at 100%$/,
  ],
  "05.8": [
    /PASS\] Fallback response template configured$/,
    /WARN\] Fallback response not what the stopped agent answers$/,
    /WARN\] Fallback response configured, not seen from a stopped agent — /,
    /FAIL\] No fallback response configured$/,
    /FAIL\] Stopped agent answers 500 instead of a fallback$/,
    /FAIL\] Fallback response unfit for users — /,
  ],
  "05.9": [
    /PASS\] Kill switch activation logging and alerting active$/,
    /WARN\] Kill switch activations logged, no alert seen — /,
    /WARN\] Kill switch activation logging not observed — /,
    /FAIL\] Kill switch activations not logged$/,
    /FAIL\] Kill switch activations logged without reason$/,
    /FAIL\] Kill switch activations logged without activator$/,
  ],
  "05.10": [/FAIL\] No kill switch drill in the last 90 days$/],
};

/** Each limit of a check: how its tests ask about the last value on one side of it, and the first on the other. */
const SIDES: [key: string, limit: string, within: string, beyond: string][] = [
  ["kill-switch-latency", "30 s", "stopped(29_999)", "stopped(30_000)"],
  ["breaker-thresholds", "error 15 %", "errorRatePct: 15,", "errorRatePct: 15.04"],
  ["breaker-thresholds", "anomaly 15 %", "anomalyRatePct: 15,", "anomalyRatePct: 15.04"],
  ["breaker-thresholds", "50 %", "errorRatePct: 49.99", "errorRatePct: 50 "],
  ["breaker-thresholds", "window of 5 min", "windowMs: 300_000 ", "windowMs: 300_001"],
  ["canary-traffic", "5 %", "judged(5)", "judged(5.04)"],
  ["canary-traffic", "50 %", "judged(50)", "judged(50.04)"],
  ["drill-recency", "35 days", "aged(35)", "aged(35 + SECOND)"],
  ["drill-recency", "90 days", "aged(90)", "aged(90 + SECOND)"],
];

it.each(SIDES)("%s is tested on both sides of %s", (key, _limit, within, beyond) => {
  const tests = read(`test/checks/${key}.test.ts`);
  for (const asked of [within, beyond]) expect(tests, `test/checks/${key}.test.ts`).toContain(asked);
});

/** What no fixture can show: the ages of drills, which are judged from facts with a given clock. */
const NOT_IN_FIXTURES = new Set(["05.10 pass", "05.10 warn"]);

it.each(Object.entries(LINES).flatMap(([id, lines]) => lines.map((line) => ({ id, line }))))(
  "a fixture prints $id $line",
  ({ id, line }) => {
    const index = suite.checks.findIndex((check) => check.id === id) + 2;
    expect(reports.filter(({ lines }) => line.test(lines[index] ?? ""))).not.toEqual([]);
  },
);

describe.each(suite.checks.map((check, index) => ({ check, index, name: `${check.id} ${check.key}` })))(
  "$name",
  ({ check, index }) => {
    const file = `checks/05-rollback-kill-switches/${check.key}.ts`;

    it("stands in a file of its own name, in its place", () => {
      expect(existsSync(join(ROOT, file)), file).toBe(true);
      expect(check.id).toBe(`05.${String(index + 1)}`);
    });

    it("has its row in the README", () => {
      expect(read("README.md")).toContain(`| ${check.id} | \`${check.key}\` |`);
    });

    it("says what it asks, why, and what to do", () => {
      for (const words of [check.asks, check.why, check.fix, check.subject]) expect(words.length).toBeGreaterThan(10);
      expect(check.asks).toMatch(/\?$/);
    });

    it("has tests for each verdict", () => {
      const tests = read(`test/checks/${check.key}.test.ts`);
      for (const verdict of ["[PASS]", "[WARN]", "[FAIL]"])
        expect(tests, `test/checks/${check.key}.test.ts`).toContain(verdict);
    });

    it.each(["pass", "warn", "fail"].filter((verdict) => !NOT_IN_FIXTURES.has(`${check.id} ${verdict}`)))(
      "has a fixture that gives %s",
      (verdict) => {
        const giving = reports.filter(({ lines }) => lines[index + 2]?.startsWith(`[${verdict.toUpperCase()}] `));
        expect(giving.map(({ name }) => name)).not.toEqual([]);
      },
    );
  },
);

it("every check that is a file is listed", () => {
  const keys = new Set(suite.checks.map((check) => check.key));
  const helpers = new Set(["index", "words", "drilled", "write-types"]);
  const files = readdirSync(join(ROOT, "checks/05-rollback-kill-switches")).map((name) => name.replace(/\.ts$/, ""));
  expect(files.filter((name) => !keys.has(name) && !helpers.has(name))).toEqual([]);
});
