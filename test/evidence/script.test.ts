import { createRequire } from "node:module";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import Database from "libsql";
import { describe, expect, it } from "vitest";
import type { Fact } from "../../src/audit/fact.ts";
import type { ActionFacts, RehearsalFacts, ScriptFacts } from "../../src/evidence/facts.ts";
import { gatherScript } from "../../src/evidence/script.ts";
import { goodActions, goodRehearsal } from "../support/facts.ts";
import { serve } from "../doors/servers.ts";
import { folderForTest, gatheringFrom, valueOf, write } from "./support.ts";

const LIBSQL = pathToFileURL(createRequire(import.meta.url).resolve("libsql")).href;

/** A rollback script that reads the records for real; the pieces are what a test spoils. */
interface Pieces {
  start?: string;
  list?: string;
  line?: string;
  act?: string;
  end?: string;
  nothing?: string;
}

function scriptOf({ start = "", list = "", line = "", act = "", end = "", nothing = "" }: Pieces = {}): string {
  return `
import Database from ${JSON.stringify(LIBSQL)};
const args = process.argv.slice(2);
const after = (name) => args[args.indexOf(name) + 1];
const print = (text) => process.stdout.write(text + "\\n");
${start}
if (args.includes("--list-types")) {
  ${list || 'print("subscription_update\\nemail_send\\ndb_update");'}
} else {
  const db = new Database("agent.db");
  const rows = args.includes("--trace")
    ? db.prepare("SELECT * FROM records WHERE trace = ?").all(after("--trace"))
    : db.prepare("SELECT * FROM records WHERE at >= ? AND at < ?").all(after("--since"), after("--until"));
  ${act}
  print("started " + new Date().toISOString() + " for " + (after("--trace") ?? after("--since")));
  for (const row of rows) { ${line || 'print("undo " + row.type + " #" + row.id);'} }
  if (rows.length === 0) { ${nothing || 'print("nothing to undo");'} }
  print("took " + (Math.random() * 9).toFixed(2) + " ms");
  ${end}
}
`;
}

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const RECORDS = [
  "CREATE TABLE records (id INTEGER PRIMARY KEY, trace TEXT, type TEXT, previous TEXT, at TEXT)",
  `INSERT INTO records VALUES
    (1, 'trace-of-update', 'subscription_update', 'basic', '2026-11-20T06:00:00.000Z'),
    (2, 'trace-of-mail', 'email_send', 'm1', '2026-11-20T07:00:00.000Z'),
    (3, 'trace-of-db', 'db_update', 'old', '2026-11-20T08:00:00.000Z'),
    (4, '${TRACE}', 'subscription_update', 'basic', '2026-11-01T08:00:00.000Z')`,
];

interface Setting extends Pieces {
  script?: string;
  yaml?: (yaml: string) => string;
  agentUrl?: string;
  facts?: { rehearsal?: Fact<RehearsalFacts> };
  overrides?: Parameters<typeof gatheringFrom>[2];
}

const CONFIG = (agentUrl: string, consent: string): string => `version: 1
agent:
  name: support
  url: ${agentUrl}
  probes:
    read: { url: /read }
    write: { url: /write, method: POST }
rollback:
  records:
    database: sqlite:agent.db
    table: records
    columns: { trace: trace, type: type, previous: previous, at: at }
  script:
    run: [node, rollback.mjs]
    types: [--list-types]
    trace: [--trace, "\${trace}"]
    window: [--since, "\${since}", --until, "\${until}"]
    dryRun: [--dry-run]
    timeout: 5s
    rehearse: { trace: ${consent} }
`;

const found = <T>(value: T): Fact<T> => ({ state: "found", value, evidence: [] });

async function gather(consent: "recent" | "probe", setting: Setting = {}): Promise<Fact<ScriptFacts>> {
  const { script, yaml = (text) => text, agentUrl, facts = {}, overrides = {}, ...pieces } = setting;
  const folder = await folderForTest();
  write(join(folder, "agent.db"), ...RECORDS);
  await writeFile(join(folder, "rollback.mjs"), script ?? scriptOf(pieces));
  const url = agentUrl ?? (await agent(folder)).url;
  const actions: Fact<ActionFacts> = found(goodActions());
  const given = { facts: { actions, ...facts }, ...overrides };
  return gatherScript(gatheringFrom(folder, yaml(CONFIG(url, consent)), given));
}

/** An agent that records its probe write under the trace it came with, and reads what it recorded. */
async function agent(folder: string): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const { url } = await serve((request, response) => {
    asked.push(`${request.method} ${request.url} ${String(request.headers["clawproof-drill"])}`);
    const trace = String(request.headers.traceparent).split("-")[1] ?? "";
    if (request.method === "POST") {
      write(
        join(folder, "agent.db"),
        `INSERT INTO records VALUES (NULL, '${trace}', 'subscription_update', 'p', '2026-11-22T06:00:00.000Z')`,
      );
    }
    const database = new Database(join(folder, "agent.db"));
    const rows = database.prepare("SELECT id, previous FROM records WHERE id < 5").all();
    database.close();
    response.end(JSON.stringify({ rows, at: new Date().toISOString() }));
  });
  return { url, asked };
}

const dryRunOf = (fact: Fact<ScriptFacts>): ScriptFacts["dryRun"] => valueOf(fact).dryRun;
const why = (fact: Fact<ScriptFacts>): string => {
  const dryRun = dryRunOf(fact);
  return dryRun.state === "seen" ? `seen ${dryRun.types.join(", ")}` : `${dryRun.state}: ${dryRun.why}`;
};

describe("gatherScript", () => {
  it("sees each type that a dry run on a real trace covers, and a window with records", async () => {
    const fact = await gather("recent");
    expect(valueOf(fact)).toMatchObject({
      listed: { types: ["subscription_update", "email_send", "db_update"] },
      takesTrace: true,
      takesWindow: true,
      dryRun: { state: "seen", types: ["subscription_update", "email_send", "db_update"] },
    });
    const { runs } = dryRunOf(fact) as { runs: string[] };
    expect(runs).toEqual([
      "dry runs on two unknown traces printed the same",
      "dry run on trace trace-of-update: exit 0, nothing changed, covers subscription_update",
      "dry run on trace trace-of-mail: exit 0, nothing changed, covers email_send",
      "dry run on trace trace-of-db: exit 0, nothing changed, covers db_update",
      "dry runs on two empty hours of 1970 printed the same",
      "dry run on the window 2026-11-20T07:59:59.000Z to 2026-11-20T08:00:01.000Z: exit 0, differs from an empty one",
    ]);
  });

  it("takes a script that lets only one run of itself in", async () => {
    const start = 'import { mkdirSync, rmdirSync } from "node:fs";';
    // Long enough for the other run to find the lock.
    const hold = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);";
    const nothing = `try { mkdirSync("lock"); } catch { print("another run is under way"); process.exit(1); }
      ${hold} rmdirSync("lock"); print("nothing to undo");`;
    expect(why(await gather("recent", { start, nothing }))).toBe("seen subscription_update, email_send, db_update");
  });

  it("does not count a type that the script leaves alone, or does not list", async () => {
    const line = 'print((row.type === "db_update" ? "no handler for " : "undo ") + row.type);';
    expect(why(await gather("recent", { line }))).toBe("seen subscription_update, email_send");
    const list = 'print(JSON.stringify(["email_send", "db_update"]));';
    expect(why(await gather("recent", { list }))).toBe("seen email_send, db_update");
  });

  it("runs on the rehearsal's first probe write, and sends none", async () => {
    const rehearsal = found({ ...goodRehearsal(), firstTrace: TRACE });
    const fact = await gather("probe", { facts: { rehearsal }, agentUrl: "http://127.0.0.1:9" });
    expect(why(fact)).toBe("seen subscription_update");
  });

  it("sends one probe write of its own where nothing was rehearsed", async () => {
    const folder = await folderForTest();
    write(join(folder, "agent.db"), ...RECORDS);
    await writeFile(join(folder, "rollback.mjs"), scriptOf());
    const { url, asked } = await agent(folder);
    expect(why(await gatherScript(gatheringFrom(folder, CONFIG(url, "probe"))))).toBe("seen subscription_update");
    expect(asked.filter((line) => line.startsWith("POST"))).toEqual(["POST /write 1"]);
  });

  it("says why there is no trace to run on", async () => {
    const { url } = await serve((_, response) => response.writeHead(503).end());
    expect(why(await gather("probe", { agentUrl: url }))).toBe(
      "not-run: the probe write was not accepted (answered 503)",
    );
    const forgetful = await serve((_, response) => response.end());
    expect(why(await gather("probe", { agentUrl: forgetful.url }))).toMatch(
      /^not-run: the probe write left no record under its trace \([0-9a-f]{32}\)$/,
    );
  });

  it.each<[string, Setting, string | RegExp]>([
    [
      "exits 1",
      { end: 'console.error("database is gone\\nat x"); process.exitCode = 1;' },
      "failed: exit 1: database is gone",
    ],
    [
      "prints the same for every trace",
      { script: 'console.log("rolled back");' },
      /^failed: it prints the same for a trace with records \(trace-of-update\)/,
    ],
    [
      "prints something new each time",
      // Letters beyond f: what looks like a hexadecimal ID is masked.
      {
        end: "print([...(await import('node:crypto')).randomBytes(24)].map((b) => 'ghjkmnpqrstvwxyz'[b % 16]).join(''));",
      },
      "failed: two unknown traces do not print the same, so its output shows nothing",
    ],
    [
      "prints megabytes",
      { start: 'print("x".repeat(3e6));', list: 'print("db_update");' },
      "failed: node printed more than 1 MB",
    ],
    [
      "acts on its records when dry",
      { act: 'for (const row of rows) db.prepare("UPDATE records SET previous = 1 WHERE id = ?").run(row.id);' },
      "failed: it changed the records of trace trace-of-update although asked for a dry run",
    ],
    [
      "acts elsewhere when dry",
      { act: 'if (rows.length > 0) db.prepare("UPDATE records SET previous = 1 WHERE id = 4").run();' },
      "failed: it changed what the probe read answers although asked for a dry run",
    ],
    [
      "acts whatever trace is named",
      { act: 'db.prepare("DELETE FROM records").run();' },
      "failed: it changed the records of trace trace-of-update although asked for a dry run",
    ],
    [
      "breaks on a window",
      { start: 'if (args.includes("--since")) { console.error("what?"); process.exit(2); }' },
      "failed: for an hour of 1970: exit 2: what?",
    ],
    [
      "prints the same for every window",
      { start: 'if (args.includes("--since")) { print("nothing"); process.exit(0); }' },
      /^failed: it prints the same for a window with records/,
    ],
  ])("fails a script that %s", async (_, pieces, expected) => {
    const said = why(await gather("recent", pieces));
    if (typeof expected === "string") expect(said).toBe(expected);
    else expect(said).toMatch(expected);
  });

  it("ends a script that hangs", async () => {
    const start = 'if (args.includes("--dry-run")) await new Promise(() => setInterval(() => {}, 1e3));';
    const fact = await gather("recent", { start, yaml: (text) => text.replace("timeout: 5s", "timeout: 1s") });
    expect(why(fact)).toBe("failed: no answer in 1 s");
  });

  it.each<[string, (yaml: string) => string, Setting["overrides"], string]>([
    [
      "without consent",
      (text) => text.replace(/ {4}rehearse:.*\n/, ""),
      {},
      "not-run: nobody consented to dry runs (rollback.script.rehearse)",
    ],
    ["without a trace ID", (text) => text.replace(/ {4}trace:.*\n/, ""), {}, "not-run: it takes no trace ID"],
    [
      "where acting is forbidden",
      (text) => text,
      { mayAct: { why: "--read-only" }, mode: "read-only" },
      "not-run: --read-only",
    ],
    [
      "where something is not back",
      (text) => text,
      { notBack: [{ what: "x", command: "y" }] },
      "not-run: something that was pulled is not back",
    ],
  ])("never runs a script dry %s", async (_, yaml, overrides, expected) => {
    const start = 'if (args.includes("--dry-run")) db.nothing();';
    const fact = await gather("recent", { yaml, start, overrides: overrides ?? {} });
    expect(why(fact)).toBe(expected);
    expect(valueOf(fact).listed).toEqual({ types: ["subscription_update", "email_send", "db_update"] });
  });

  it("tells what the arguments lack", async () => {
    const yaml = (text: string) => text.replace(', --until, "${until}"', "").replace("${trace}", "all");
    expect(valueOf(await gather("recent", { yaml }))).toMatchObject({ takesTrace: false, takesWindow: false });
  });

  it.each<[string, string, ScriptFacts["listed"]]>([
    ["exits 3", 'console.error("no"); process.exit(3);', { why: "exit 3: no" }],
    [
      "prints its usage",
      'print("usage: rollback [options]");',
      { why: 'its list of types holds "usage: rollback [options]"' },
    ],
    ["prints nothing", ";", { types: [] }],
    ["prints a JSON array", 'print(JSON.stringify(["b", "a", "b"], null, 2));', { types: ["b", "a"] }],
    ["prints broken JSON", 'print("[1");', { why: 'its list of types holds "not a JSON array of names"' }],
  ])("reads the list of a script that %s", async (_, list, expected) => {
    const yaml = (text: string) => text.replace(/ {4}rehearse:.*\n/, "");
    expect(valueOf(await gather("recent", { list, yaml })).listed).toEqual(expected);
  });

  it("is absent, failed or withheld where there is nothing to run", async () => {
    const folder = await folderForTest();
    const head = "version: 1\nagent: { name: support }\n";
    expect(await gatherScript(gatheringFrom(folder, head))).toMatchObject({ state: "absent" });
    const ledger = gatheringFrom(folder, `${head}rollback: { ledger: "sqlite:a.db" }\n`);
    expect(await gatherScript(ledger)).toMatchObject({ state: "failed", why: "a.db does not exist" });
    expect(await gather("recent", { overrides: { mode: "offline" } })).toMatchObject({ state: "withheld" });
  });

  it("fails, naming the secret, where one is missing", async () => {
    const yaml = (text: string) => text.replace("[node, rollback.mjs]", '[node, rollback.mjs, "${DB_URL}"]');
    expect(await gather("recent", { yaml })).toMatchObject({ state: "failed", why: "DB_URL is not set" });
  });

  it("fails where the records cannot be read", async () => {
    const yaml = (text: string) => text.replace("table: records", "table: nowhere");
    expect(await gather("recent", { yaml })).toMatchObject({ state: "failed" });
  });
});
