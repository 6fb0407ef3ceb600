import Database from "libsql";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { AGENT, expectWithout, type Files, folderWith, judged, nobody, run, PATIENT } from "./support.ts";

/** Databases, scripts, manifests and other files that are not what they should be: the right words, and nothing more. */

const COLUMNS = { trace: "trace_id", type: "action_type", previous: "previous_value" };
const recordsIn = (database: string, more: object = {}): object => ({
  rollback: { records: { database, table: "records", columns: COLUMNS, ...more } },
});

/** A folder's `agent.db` with one refund that can be taken back. */
async function withDatabase(sections: object, files: Files = {}): Promise<{ folder: string; file: string }> {
  const folder = await folderWith({ ...files, "clawproof.yaml": { version: 1, agent: AGENT, ...sections } });
  const file = join(folder, "agent.db");
  const database = new Database(file);
  database.exec("create table records (trace_id text, action_type text, previous_value text)");
  database.exec("insert into records values ('trace-1', 'refund', '{}')");
  database.close();
  return { folder, file };
}

describe.concurrent("a database that", PATIENT, () => {
  const couldNot = /^\[FAIL\] Rollback (state|records) could not be checked — /;

  it.each(["postgres", "mysql"])("is down (%s)", async (scheme) => {
    const { exitCode, line } = await judged(
      "05.5",
      recordsIn(`${scheme}://agent:\${SWITCH_TOKEN}@${await nobody()}/agent`),
    );
    expect(line).toMatch(couldNot);
    expect(line).toMatch(/refused/);
    expect(exitCode).toBe(3);
  });

  it("is down, its password written where it should not be", async () => {
    const password = "pl4in-in-the-file";
    const { stdout, exitCode } = await judged(
      "05.5",
      recordsIn(`postgres://agent:${password}@${await nobody()}/agent`),
    );
    expectWithout(stdout, password);
    expect(exitCode).toBe(3);
  });

  it.each([
    ["is not there", recordsIn("sqlite:gone.db"), {}, /gone\.db/],
    [
      "is no database",
      recordsIn("sqlite:text.db"),
      { "text.db": "hello".repeat(500) },
      /text\.db is not a SQLite database/,
    ],
    ["is of an unknown kind", recordsIn("oracle://db/agent"), {}, /begins with sqlite:, postgres:\/\/ or mysql:\/\//],
  ])("%s", async (_what, sections, files, says) => {
    const { exitCode, line } = await judged("05.5", sections, files);
    expect(line).toMatch(couldNot);
    expect(line).toMatch(says);
    expect(exitCode).toBe(3);
  });

  it.each([
    ["lacks the table", { table: "nowhere" }, /nowhere/],
    ["lacks a column", { columns: { ...COLUMNS, previous: "nothing" } }, /nothing/],
    ["is asked to change", { table: undefined, query: "delete from records returning *" }, /./],
    ["is asked nonsense", { table: undefined, query: "selekt * from records" }, /./],
  ])("%s", async (_what, more, says) => {
    const { folder, file } = await withDatabase(recordsIn("sqlite:agent.db", more));
    const { exitCode, stdout } = await run(folder, ["--check", "05.5"]);
    const line = stdout.split("\n")[2] ?? "";
    expect(line).toMatch(couldNot);
    expect(line).toMatch(says);
    expect(exitCode).toBe(3);
    const database = new Database(file);
    expect(database.prepare("select count(*) as count from records").get()).toMatchObject({ count: 1 });
    database.close();
  });

  it("is locked", async () => {
    const { folder, file } = await withDatabase(recordsIn("sqlite:agent.db"));
    const owner = new Database(file);
    owner.exec("begin exclusive");
    const { exitCode, stdout } = await run(folder, ["--check", "05.5"]);
    owner.exec("rollback");
    owner.close();
    expect(stdout.split("\n")[2]).toMatch(couldNot);
    expect(stdout).toMatch(/locked/);
    expect(exitCode).toBe(3);
  });
});

describe.concurrent("a rollback script that", PATIENT, () => {
  /** Lists its type and takes all it must; `body` is what it then does. */
  const scriptWith = (body: string): Files => ({
    "rollback.mjs": `if (process.argv.includes("--list-types")) console.log("refund");\nelse {\n${body}\n}\n`,
  });
  const SCRIPT = {
    ...recordsIn("sqlite:agent.db"),
    rollback: {
      records: { database: "sqlite:agent.db", table: "records", columns: COLUMNS },
      script: {
        run: ["node", "rollback.mjs"],
        types: ["--list-types"],
        trace: ["--trace", "${trace}"],
        window: ["--since", "${since}", "--until", "${until}"],
        dryRun: ["--dry-run"],
        timeout: "1s",
        rehearse: { trace: "recent" },
      },
    },
  };

  it.each([
    ["hangs", "setInterval(() => undefined, 1000);", /no answer in 1/],
    ["hangs with a child that will not end", HANGING_CHILD, /no answer in 1/],
    ["prints without end", 'setInterval(() => process.stdout.write("x".repeat(1 << 20)), 0);', /.+/],
    ["ends with 1 and its secret", "console.error(process.env.AGENT_TOKEN); process.exit(1);", /exit 1/],
    ["is ended by a signal", 'process.kill(process.pid, "SIGKILL");', /exit 137|SIGKILL/],
    ["throws", 'throw new Error("no billing database");', /exit 1/],
  ])("%s", async (_what, body, says) => {
    const { folder } = await withDatabase(SCRIPT, scriptWith(body));
    const { exitCode, stdout } = await run(folder, ["--check", "05.6"]);
    const line = stdout.split("\n")[2] ?? "";
    expect(line).toMatch(/^\[FAIL\] Rollback script failed its dry run — /);
    expect(line).toMatch(says);
    expect(line.length).toBeLessThan(500);
    expect(exitCode).toBe(1);
  });

  it("hangs leaves nothing running behind", async () => {
    const { folder } = await withDatabase(SCRIPT, scriptWith(HANGING_CHILD));
    await run(folder, ["--check", "05.6"]);
    const pid = Number(await readFile(join(folder, "pid"), "utf8"));
    expect(pid).toBeGreaterThan(1);
    // It was killed; who takes note of it is the machine's first process, in its own time.
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), 5_000);
  });

  it("is not there", async () => {
    const { folder } = await withDatabase(SCRIPT);
    const { exitCode, stdout } = await run(folder, ["--check", "05.6"]);
    expect(stdout.split("\n")[2]).toMatch(/^\[FAIL\] Rollback script failed its dry run — exit 1/);
    expect(exitCode).toBe(1);
  });

  it("is not a program", async () => {
    const script = { ...SCRIPT.rollback.script, run: ["./no-such-script"] };
    const { folder } = await withDatabase({ rollback: { ...SCRIPT.rollback, script } });
    const { exitCode, stdout } = await run(folder, ["--check", "05.6"]);
    expect(stdout.split("\n")[2]).toMatch(/^\[FAIL\] Rollback script .*no-such-script/);
    expect([1, 3]).toContain(exitCode);
  });
});

/** Like many a script: it starts another, and neither listens to a polite request to end. */
const HANGING_CHILD = `
const { spawn } = await import("node:child_process");
const { writeFileSync } = await import("node:fs");
const idle = "process.on('SIGTERM', () => undefined); setInterval(() => undefined, 1000)";
const child = spawn(process.execPath, ["-e", idle], { stdio: "inherit" });
writeFileSync("pid", String(child.pid));
process.on("SIGTERM", () => undefined);`;

const rollout = (name: string, weight: number | string): string =>
  `apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: { name: ${name} }
spec:
  replicas: 20
  selector: { matchLabels: { app: ${name} } }
  template: { metadata: { labels: { app: ${name} } }, spec: { containers: [{ name: a, image: a }] } }
  strategy: { canary: { steps: [{ setWeight: ${weight} }, { pause: {} }] } }
`;
const SERVICE = "apiVersion: v1\nkind: Service\nmetadata: { name: agent }\n";

describe.concurrent("a manifest that", PATIENT, () => {
  it.each<[string, string | null, number, RegExp]>([
    ["holds other documents too", `${SERVICE}---\n${rollout("agent", 5)}---\n`, 0, /^\[PASS\] Canary .*: 5% initial/],
    ["holds an unparsable document beside it", `a: [b\n---\n${rollout("agent", 5)}`, 0, /^\[PASS\] Canary .*: 5%/],
    [
      "holds two rollouts",
      `${rollout("one", 5)}---\n${rollout("two", 50)}`,
      0,
      /^\[WARN\] .*share unknown — 2 rollouts/,
    ],
    ["is unparsable", `${rollout("agent", 5)}  broken: [`, 0, /^\[WARN\] Canary deployment share unknown — /],
    [
      "is a template",
      `{{- if .Values.canary }}\n${rollout("agent", "{{ .Values.weight }}")}{{- end }}\n`,
      0,
      /^\[WARN\] .*share unknown — /,
    ],
    ["is empty", "", 1, /^\[FAIL\] No canary or blue-green deployment configured/],
    ["is something else", "# notes\njust words\n", 1, /^\[FAIL\] No canary or blue-green deployment configured/],
    ["is not there", null, 3, /^\[FAIL\] Canary deployment could not be checked — .*rollout\.yaml/],
  ])("%s", async (_what, manifest, status, says) => {
    const files: Files = manifest === null ? {} : { "rollout.yaml": manifest };
    const { exitCode, line } = await judged("05.7", { canary: { manifest: "rollout.yaml" } }, files);
    expect(line).toMatch(says);
    expect(exitCode).toBe(status);
  });
});

describe.concurrent("other files that are not what they should be", PATIENT, () => {
  it.each<[string, string, object, Files, number, RegExp]>([
    [
      "a fallback that is not there",
      "05.8",
      { fallback: { template: "gone.md" } },
      {},
      3,
      /could not be checked — .*gone\.md/,
    ],
    [
      "an empty fallback",
      "05.8",
      { fallback: { template: "f.md" } },
      { "f.md": " \n" },
      1,
      /unfit for users — .*empty/,
    ],
    [
      "a drill log that is no log",
      "05.10",
      { drills: { log: "d.jsonl" } },
      { "d.jsonl": "nonsense\n{}\n" },
      1,
      /No kill switch drill in the last 90 days/,
    ],
    [
      "a drill log that is not there",
      "05.10",
      { drills: { log: "gone.jsonl" } },
      {},
      1,
      /No kill switch drill in the last 90 days/,
    ],
  ])("%s", async (_what, check, sections, files, status, says) => {
    const { exitCode, line } = await judged(check, sections, files);
    expect(line).toMatch(says);
    expect(exitCode).toBe(status);
  });

  it("lines of a drill log that are no drills are named", async () => {
    const { stdout } = await judged("05.10", { drills: { log: "d.jsonl" } }, { "d.jsonl": "nonsense\n{}\n" });
    expect(stdout).toContain("d.jsonl: line 1: not JSON");
    expect(stdout).toContain("d.jsonl: line 2: not a drill's line");
  });

  it("an inventory that is no tool list", async () => {
    const agent = { ...AGENT, inventory: ["tools.json"] };
    const { exitCode, stdout } = await judged(
      "05.5",
      { agent, ...recordsIn("sqlite:gone.db") },
      { "tools.json": "<html>" },
    );
    expect(stdout).toContain("could not be checked");
    expect(exitCode).toBe(3);
  });
});
