import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterThisFile } from "../../support/ending.ts";
import { look } from "./files.ts";

const run = promisify(execFile);
const STASH = "refs/stash";
/** Where the one is that others are copied from. */
let made: Promise<string> | null = null;

/** What an undo needs of a repository: where HEAD is, its branches, its stash, and what is not committed. */
export interface Position {
  head: string;
  refs: Readonly<Record<string, string>>;
  /** A commit of the index and the tracked files as they are; null where nothing differs from HEAD. */
  dirty: string | null;
}

/** A real git repository with two branches; its commands are the agent's tools. */
export class Repository {
  readonly folder: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(folder: string) {
    this.folder = folder;
    const who = { NAME: "agent", EMAIL: "agent@example.net", DATE: "2026-01-05T08:00:00Z" };
    const names = Object.entries(who).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value],
    ]);
    this.#env = { PATH: process.env["PATH"], GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
    Object.assign(this.#env, Object.fromEntries(names));
  }

  /** A copy of one that is made once: every command of git's is a process. */
  static async open(parent: string): Promise<Repository> {
    made ??= Repository.#make();
    const repository = new Repository(join(parent, "repository"));
    await cp(await made, repository.folder, { recursive: true });
    return repository;
  }

  static async #make(): Promise<string> {
    const repository = new Repository(await mkdtemp(join(tmpdir(), "clawproof-repository-")));
    afterThisFile(() => {
      made = null;
      return rm(repository.folder, { recursive: true });
    });
    await repository.git("init", "-q", "-b", "main", "--template=");
    await repository.commit("base");
    await repository.git("branch", "release");
    await repository.commit("more");
    return repository.folder;
  }

  /** One without files, to push to. */
  async hub(): Promise<Repository> {
    const hub = new Repository(`${this.folder}.git`);
    await this.git("clone", "-q", "--bare", ".", hub.folder);
    return hub;
  }

  async git(...argv: string[]): Promise<string> {
    return (await run("git", argv, { cwd: this.folder, env: this.#env })).stdout.trim();
  }

  /** Commits everything, with a new line in the file `story`. */
  async commit(line: string): Promise<void> {
    this.write("story", `${line}\n`);
    await this.git("add", "-A");
    await this.git("commit", "-q", "-m", line);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  async refs(): Promise<Readonly<Record<string, string>>> {
    const listed = await this.git("for-each-ref", "--format=%(refname) %(objectname)");
    return Object.fromEntries(listed.split("\n").map((line) => line.split(" ") as [string, string]));
  }

  async position(): Promise<Position> {
    const [head, refs, dirty] = await Promise.all([
      this.git("rev-parse", "--abbrev-ref", "HEAD"),
      this.refs(),
      this.git("stash", "create"),
    ]);
    return { head, refs, dirty: dirty === "" ? null : dirty };
  }

  /** All that an agent can change of it. */
  async everything(): Promise<unknown> {
    const names = (await readdir(this.folder)).filter((name) => name !== ".git").sort();
    const files = await Promise.all(names.map(async (name) => [name, await look(join(this.folder, name))]));
    const status = await this.git("status", "-s", "-b");
    const stashed = await this.git("stash", "list", "--format=%H");
    return { ...(await this.position()), files, status, stashed };
  }

  async putBack({ head, refs, dirty }: Position): Promise<void> {
    const now = await this.refs();
    // The branch that is checked out moves with its files; the others are pointers alone.
    await this.git("checkout", "-q", "--force", head);
    await this.git("reset", "-q", "--hard", refs[`refs/heads/${head}`] ?? "HEAD");
    for (const ref of Object.keys({ ...now, ...refs })) {
      if (ref !== STASH && refs[ref] !== now[ref]) await this.point(ref, refs[ref] ?? null);
    }
    const stash = refs[STASH];
    if (stash !== now[STASH]) {
      await this.git("stash", "clear");
      if (stash !== undefined) await this.git("stash", "store", "-m", "put back", stash);
    }
    if (dirty !== null) await this.git("stash", "apply", "-q", "--index", dirty);
  }

  /** Makes a ref point at a commit, or be gone. */
  async point(ref: string, commit: string | null): Promise<void> {
    await this.git("update-ref", ...(commit === null ? ["-d", ref] : [ref, commit]));
  }
}
