import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { Office } from "./office.ts";
import type { Repository } from "./repository.ts";

/** An agent before one file, `a`. */
async function desk(): Promise<{ office: Office; at: (name: string) => string }> {
  const office = await Office.open();
  const at = (name: string): string => office.path("files", name);
  await writeFile(at("a"), "original\n");
  return { office, at };
}

/** One command of git's that is taken back, with what is done in the repository before. */
const git =
  (type: string, work: (repository: Repository) => Promise<unknown>, first?: (repository: Repository) => unknown) =>
  async (): Promise<void> => {
    const office = await Office.open();
    const repository = await office.withRepository();
    await first?.(repository);
    await office.actsAndIsBack(office.git(type, work));
  };

const uncommitted = (repository: Repository): void => repository.write("story", "work that matters\n");

export const workstation: Readonly<Record<string, () => Promise<void>>> = {
  async "fs.read_file"() {
    const { office, at } = await desk();
    const before = await office.state();
    expect(await office.read("file_read", () => readFile(at("a"), "utf8"))()).toBe("original\n");
    expect(await office.takeBack()).toEqual([]);
    expect(await office.state()).toEqual(before);
  },

  async "fs.write_file"() {
    const { office, at } = await desk();
    await office.actsAndIsBack(office.file("file_write", [at("a")], () => writeFile(at("a"), "other\n")));
  },

  async "fs.delete_file"() {
    const { office, at } = await desk();
    await office.actsAndIsBack(office.file("file_delete", [at("a")], () => rm(at("a"))));
  },

  async "fs.move"() {
    const { office, at } = await desk();
    await office.actsAndIsBack(office.file("file_move", [at("a"), at("b")], () => rename(at("a"), at("b"))));
  },

  async "fs.chmod"() {
    const { office, at } = await desk();
    await chmod(at("a"), 0o644);
    await office.actsAndIsBack(office.file("file_chmod", [at("a")], () => chmod(at("a"), 0o600)));
  },

  async "fs.delete_tree"() {
    const { office, at } = await desk();
    await mkdir(at("tree/deep"), { recursive: true });
    await writeFile(at("tree/deep/one"), "one\n");
    await office.actsAndIsBack(office.file("tree_delete", [at("tree")], () => rm(at("tree"), { recursive: true })));
  },

  "git.commit": git("git_commit", (repository) => repository.commit("drill")),
  "git.branch.delete": git("branch_delete", (repository) => repository.git("branch", "-q", "-D", "release")),
  /** Theirs resets to where it is already, and so changes nothing. */
  "git.reset_hard": git("git_reset", (repository) => repository.git("reset", "-q", "--hard", "release")),
  "git.checkout": git("git_checkout", (repository) => repository.git("checkout", "-q", "release")),
  "git.switch_with_stash": git(
    "git_switch",
    async (repository) => {
      await repository.git("stash", "push", "-q");
      await repository.git("checkout", "-q", "release");
    },
    uncommitted,
  ),

  /** Empty before and empty after its undo: what was there stays there. */
  async "claim 4"() {
    const { office, at } = await desk();
    await writeFile(at("a"), "");
    await office.actsAndIsBack(office.file("file_write", [at("a")], () => writeFile(at("a"), "text\n")));
    expect(await readFile(at("a"), "utf8")).toBe("");
  },

  async "claim 5"() {
    const { office, at } = await desk();
    await office.actsAndIsBack(office.file("file_write", [at("new")], () => writeFile(at("new"), "")));
    await expect(readFile(at("new"))).rejects.toMatchObject({ code: "ENOENT" });
  },

  /** Theirs is lost: its inverse swaps the names. Ours keeps both places. */
  async "claim 6"() {
    const { office, at } = await desk();
    await writeFile(at("b"), "replaced\n");
    await office.actsAndIsBack(office.file("file_move", [at("a"), at("b")], () => rename(at("a"), at("b"))));
  },

  /** Theirs is lost: it notes that something was uncommitted. Ours keeps it as a commit that no branch has. */
  "claim 7": git("git_reset", (repository) => repository.git("reset", "-q", "--hard", "HEAD"), uncommitted),

  /** Theirs is lost: git never had a copy. Ours looks at the files before. */
  async "claim 8"() {
    const office = await Office.open();
    const repository = await office.withRepository();
    repository.write("stray", "never tracked\n");
    const stray = join(repository.folder, "stray");
    await office.actsAndIsBack(office.file("git_clean", [stray], () => repository.git("clean", "-fdq")));
  },

  /** Theirs calls it irreversible, and recoverable by hand. */
  "claim 9": git(
    "stash_drop",
    (repository) => repository.git("stash", "drop", "-q"),
    async (repository) => {
      uncommitted(repository);
      await repository.git("stash", "push", "-q", "-m", "put back");
    },
  ),

  /** The branch alone has its commit. */
  "claim 10": git(
    "branch_delete",
    (repository) => repository.git("branch", "-q", "-D", "probe"),
    async (repository) => {
      await repository.git("checkout", "-q", "-b", "probe");
      await repository.commit("on the branch alone");
      await repository.git("checkout", "-q", "main");
    },
  ),
};
