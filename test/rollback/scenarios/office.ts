import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { expect } from "vitest";
import { main } from "../../../src/commands/main.ts";
import { createGuard, type Guard } from "../../../src/index.ts";
import type { GuardOptions } from "../../../src/guard/options.ts";
import type { UndoFunction } from "../../../src/rollback/undo-function.ts";
import { surroundingsOf } from "../../commands/support.ts";
import { afterThisTest } from "../../support/ending.ts";
import { look, putBack, type Thing } from "./files.ts";
import { type Position, Repository } from "./repository.ts";
import { Service } from "./service.ts";

export type Act = () => Promise<unknown>;
type Left = Awaited<ReturnType<Guard["rollback"]>>["left"];

const TRACE = "t1";
const NO_SWITCH = { killSwitch: "none" } as const;
/** More than this of one file is not kept. */
const KEPT_BYTES = 4096;

/**
 * An agent at work: a real guard and ledger, and what it acts on, which is real as well: tables in a database, a service
 * behind HTTP, a folder of files, a git repository.
 */
export class Office {
  readonly folder = mkdtempSync(join(tmpdir(), "clawproof-scenario-"));
  guard!: Guard;
  db!: Libsql.Database;
  service!: Service;
  /** Where it is needed: `await office.withRepository()`. */
  repository: Repository | null = null;
  /** What that pushes to, where a scenario has it. */
  hub: Repository | null = null;
  readonly #tools = new Map<string, (input: never) => Promise<unknown>>();

  static async open(options: Partial<GuardOptions> = {}): Promise<Office> {
    const office = new Office();
    const ledger = { database: `sqlite:${office.path("actions.db")}` };
    office.guard = createGuard({ agent: "support", ...NO_SWITCH, ledger, onNotice: () => undefined, ...options });
    office.db = new Libsql(office.path("app.db"));
    mkdirSync(office.path("files"));
    afterThisTest(async () => {
      await office.guard.close();
      office.db.close();
      rmSync(office.folder, { recursive: true, force: true });
    });
    office.service = await Service.open();
    await office.guard.ready();
    return office;
  }

  async withRepository(): Promise<Repository> {
    this.repository = await Repository.open(this.folder);
    return this.repository;
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Acts on one row of a table, which the guard reads before and after. */
  rows(type: string, table: string, id: string, statement: string): Act {
    const database = `sqlite:${this.path("app.db")}`;
    const tool = this.#tool(type, () =>
      this.guard.action(type, {
        target: ({ row }: { row: string; statement: string }) => `${table}/${row}`,
        undo: { sql: { database, table, key: ({ row }: { row: string }) => ({ id: row }) } },
        run: (input) => void this.db.exec(input.statement),
      }),
    );
    return () => tool({ row: id, statement });
  }

  /** Acts on a thing of the service; taking back puts what was there, and deletes what was not. */
  call(type: string, name: string, data: unknown, residue?: string): Act {
    const { service } = this;
    const url = `${service.url}/\${record.target}`;
    // What is made anew can only be deleted again: another request, so another type of action.
    const isNew = !service.things.has(name);
    const undo = isNew ? { url, method: "DELETE" } : { url, method: "PUT", json: { data: "${record.before}" } };
    const tool = this.#tool(type, () =>
      this.guard.action(type, {
        target: ({ thing }: { thing: string; value: unknown }) => thing,
        before: ({ thing }) => service.get(thing),
        after: ({ thing }) => service.get(thing),
        undo: { http: undo, state: { url, at: "/data" }, ...(residue === undefined ? {} : { residue }) },
        run: ({ thing, value }) => (value === null ? service.delete(thing) : service.put(thing, value)),
      }),
    );
    return () => tool({ thing: name, value: data });
  }

  /** Acts on files; what is at the paths beforehand is kept whole, and refused where it is too large. */
  file(type: string, paths: readonly string[], work: () => Promise<unknown>): Act {
    const all = (): Promise<Thing[]> => Promise.all(paths.map((path) => look(path, KEPT_BYTES)));
    const undo: UndoFunction = async ({ before }) => {
      for (const [index, path] of paths.entries()) await putBack(path, (before as Thing[])[index] ?? null);
    };
    return this.#own(type, paths.join(" "), all, Object.assign(undo, { state: all }), work);
  }

  /** Acts on a repository as a whole: its branches, its files, its stash. */
  git(type: string, work: (repository: Repository) => Promise<unknown>): Act {
    const repository = this.repository as Repository;
    const undo: UndoFunction = ({ before }) => repository.putBack(before as Position);
    const position = (): Promise<Position> => repository.position();
    return this.#own(type, "repository", position, Object.assign(undo, { state: position }), () => work(repository));
  }

  /** Acts on one branch of a repository. */
  branch(type: string, name: string, repository: Repository, work: () => Promise<unknown>): Act {
    const ref = `refs/heads/${name}`;
    const commit = async (): Promise<string | null> => (await repository.refs())[ref] ?? null;
    const undo: UndoFunction = ({ before }) => repository.point(ref, before as string | null);
    return this.#own(type, name, commit, Object.assign(undo, { state: commit }), work);
  }

  /** Makes an index of a table's column. */
  index(table: string, column: string): Act {
    const name = `${table}_${column}`;
    const there = async (): Promise<boolean> =>
      this.db.prepare("select 1 from sqlite_master where type = 'index' and name = ?").get(name) !== undefined;
    const undo: UndoFunction = async () => void this.db.exec(`drop index ${name}`);
    const work = async (): Promise<unknown> => this.db.exec(`create index ${name} on ${table} (${column})`);
    return this.#own("index_create", name, there, Object.assign(undo, { state: there }), work);
  }

  /** Any other action of the agent's own. */
  #own(
    type: string,
    target: string,
    state: () => Promise<unknown>,
    undo: UndoFunction,
    work: () => Promise<unknown>,
  ): Act {
    const tool = this.#tool(type, () =>
      this.guard.action(type, {
        target: () => target,
        before: state,
        after: state,
        undo,
        run: (input: { work: () => Promise<unknown> }) => input.work(),
      }),
    );
    return () => tool({ work });
  }

  /** Reads are guarded, and leave no record. */
  read(type: string, work: () => unknown): Act {
    const tool = this.#tool(type, () => this.guard.action(type, { effect: "read", run: (_: object) => work() }));
    return () => tool({});
  }

  /** One that nobody can take back; `instead` is what a person must do. */
  final(
    type: string,
    instead: string,
    work: (target: string) => unknown,
    more: object = {},
  ): (target: string) => Promise<unknown> {
    const tool = this.#tool(type, () =>
      this.guard.action(type, {
        target: ({ target }: { target: string }) => target,
        undo: { irreversible: instead },
        run: ({ target }) => void work(target),
        ...more,
      }),
    );
    return (target) => tool({ target });
  }

  /** Registered once a type, with what it acts on at first: a type of functions keeps to one thing. */
  #tool<Input>(type: string, make: () => (input: Input, options: { trace: string }) => Promise<unknown>) {
    const known = this.#tools.get(type) as ((input: Input) => Promise<unknown>) | undefined;
    if (known !== undefined) return known;
    const made = make();
    const tool = (input: Input): Promise<unknown> => made(input, { trace: TRACE });
    this.#tools.set(type, tool);
    return tool;
  }

  /** Everything that the agent can change, read without it. */
  async state(): Promise<unknown> {
    const made = this.db
      .prepare("select type, name, sql from sqlite_master where sql is not null order by name")
      .all([]);
    const rows = (made as { type: string; name: string; sql: string }[]).map(({ type, name, sql }) =>
      type === "table" ? [sql, this.db.prepare(`select * from ${name} order by 1`).raw().all([])] : [sql],
    );
    const things = [...this.service.things].sort(([a], [b]) => (a < b ? -1 : 1));
    const repository = await this.repository?.everything();
    const hub = await this.hub?.refs();
    return structuredClone({ rows, things, files: await look(this.path("files")), repository, hub });
  }

  async takeBack(): Promise<Left> {
    return (await this.guard.rollback({ trace: TRACE })).left;
  }

  /** Nothing of it is refused, each of it changes something, and one call leaves everything as it was. */
  async actsAndIsBack(...acts: readonly Act[]): Promise<void> {
    const before = await this.#after(acts);
    expect(await this.takeBack()).toEqual([]);
    expect(await this.state()).toEqual(before);
  }

  /** The same by the command, which knows of the agent what its ledger keeps; resolves to what it prints. */
  async actsAndCommandBringsBack(...acts: readonly Act[]): Promise<string> {
    const before = await this.#after(acts);
    const config = { version: 1, agent: { name: "support" }, rollback: { ledger: "sqlite:actions.db" } };
    writeFileSync(this.path("clawproof.yaml"), JSON.stringify(config));
    const surroundings = surroundingsOf(["rollback", "--trace", TRACE, "--yes"], { cwd: this.folder });
    expect(await main(surroundings)).toBe(0);
    expect(await this.state()).toEqual(before);
    return surroundings.stdout.text;
  }

  /** What was there before all of it. */
  async #after(acts: readonly Act[]): Promise<unknown> {
    const before = await this.state();
    let last = before;
    for (const act of acts) {
      await act();
      const now = await this.state();
      expect(now).not.toEqual(last);
      last = now;
    }
    return before;
  }

  /** It is refused for a reason, and nothing has happened. */
  async isRefused(act: Act, reason: string): Promise<void> {
    const before = await this.state();
    await expect(act()).rejects.toMatchObject({ name: "ActionRefused", reason });
    expect(await this.state()).toEqual(before);
  }
}
