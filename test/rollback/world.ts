import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { main } from "../../src/commands/main.ts";
import type { ExitCode } from "../../src/audit/report.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openLedger } from "../../src/ledger/open.ts";
import type { NewAction, Outcome } from "../../src/ledger/record.ts";
import { createCapturer, type Capturer, type Key } from "../../src/rollback/sql/capture.ts";
import { type KeptSurroundings, surroundingsOf } from "../commands/support.ts";
import { NO_SECRETS } from "../databases/opening.ts";
import { afterThisTest } from "../support/ending.ts";

/** A folder with a ledger, an agent's database and a clawproof.yaml; an agent that acts, and the commands that take back. */

export interface Ran {
  status: ExitCode;
  stdout: string;
  stderr: string;
}

export class World {
  readonly directory = mkdtempSync(join(tmpdir(), "clawproof-rollback-"));
  ledger!: Ledger;
  capturer!: Capturer;
  #app: Libsql.Database | null = null;

  static async open(): Promise<World> {
    const world = new World();
    world.ledger = await openLedger("sqlite:actions.db", { directory: world.directory });
    world.capturer = createCapturer({ directory: world.directory, secrets: NO_SECRETS, statementTimeoutMs: 5_000 });
    afterThisTest(() => world.close());
    return world;
  }

  async close(): Promise<void> {
    await this.capturer.close();
    await this.ledger.close();
    this.#app?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** The agent's own database. */
  get app(): Libsql.Database {
    this.#app ??= new Libsql(this.path("app.db"));
    return this.#app;
  }

  /** What clawproof.yaml says under `rollback`, beside the ledger. */
  configure(rollback: object, more: object = {}): void {
    const config = {
      version: 1,
      agent: { name: "support" },
      rollback: { ledger: "sqlite:actions.db", ...rollback },
      ...more,
    };
    writeFileSync(this.path("clawproof.yaml"), JSON.stringify(config));
  }

  /** Records an action around its work, as the guard does. */
  async act(
    action: Partial<NewAction>,
    work: () => unknown = () => undefined,
    outcome: Partial<Outcome> = {},
  ): Promise<string> {
    const id = await this.ledger.begin({
      trace_id: "t1",
      agent: "support",
      type: "update",
      effect: "write",
      ...action,
    });
    await work();
    await this.ledger.end(id, { status: "done", ...outcome });
    return id;
  }

  /** Records an action on a table of the agent's database, with its rows captured. */
  async change(table: string, key: Key, statement: string, action: Partial<NewAction> = {}): Promise<string> {
    const target = { database: "sqlite:app.db", table };
    const captured = await this.capturer.before(target, key);
    const id = await this.ledger.begin({
      trace_id: "t1",
      agent: "support",
      type: "update",
      effect: "write",
      target: `${table}/${Object.values(key).join()}`,
      undo: { form: "sql" },
      captured,
      ...action,
    });
    this.app.exec(statement);
    await this.ledger.end(id, { status: "done", captured: await this.capturer.after(target, captured) });
    return id;
  }

  /** Rows as the agent sees them. */
  rows(query: string): unknown[] {
    return this.app
      .prepare(query)
      .all([])
      .map((row) => {
        const { _metadata, ...cells } = row as Record<string, unknown>;
        void _metadata;
        return cells;
      });
  }

  async run(argv: string[], overrides: Partial<KeptSurroundings> = {}): Promise<Ran> {
    const surroundings = surroundingsOf(argv, { cwd: this.directory, env: {}, ...overrides });
    const status = await main(surroundings);
    return { status, stdout: surroundings.stdout.text, stderr: surroundings.stderr.text };
  }

  /** The steps of a plan or a run: `TYPE TARGET KIND → OUTCOME`. */
  async json(argv: string[]): Promise<{
    status: ExitCode;
    steps: string[];
    plan: string;
    left: { id: string; what: string; why: string | null }[];
  }> {
    const { status, stdout, stderr } = await this.run([...argv, "--format", "json"]);
    const report = JSON.parse(stdout || `{"error":${JSON.stringify(stderr)}}`) as {
      plan: string;
      error?: string;
      steps: { type: string; target: string; kind: string; outcome: { kind: string } | null }[];
      left: { id: string; what: string; why: string | null }[];
    };
    if (report.error !== undefined) throw new Error(report.error);
    const steps = report.steps.map(({ type, target, kind, outcome }) =>
      [type, target, kind, ...(outcome ? ["→", outcome.kind] : [])].join(" "),
    );
    return { status, steps, plan: report.plan, left: report.left };
  }
}
