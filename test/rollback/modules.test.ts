import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Modules } from "../../src/rollback/modules.ts";
import { afterThisTest } from "../support/ending.ts";

it("gives up a module whose import hangs", async () => {
  const directory = await mkdtemp(join(tmpdir(), "clawproof-modules-"));
  afterThisTest(() => rm(directory, { recursive: true, force: true }));
  await writeFile(
    join(directory, "undo.mjs"),
    "await new Promise((resolve) => setInterval(resolve, 2 ** 30)); export const restore = 1;",
  );
  const modules = new Modules({ directory, env: {}, importMs: 300 });
  afterThisTest(() => modules.close());
  await expect(modules.function("./undo.mjs#restore")).rejects.toThrow(
    "./undo.mjs cannot be used: its import did not end in 300 ms",
  );
});
