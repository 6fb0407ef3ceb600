import { configSchema, type ConfigInput } from "../../src/config/schema.ts";
import { createSecrets } from "../../src/config/secret-store.ts";
import type { Gathering } from "../../src/evidence/gathering.ts";

/** 22 November 2026, 06:00 UTC. */
export const NOW = Date.UTC(2026, 10, 22, 6);

export interface GatheringOptions {
  mode?: Gathering["mode"];
  env?: Record<string, string>;
  signal?: AbortSignal;
}

/** What a gatherer of rollback records is given: this `rollback:` section, with paths that begin in `directory`. */
export function gatheringOf(
  rollback: ConfigInput["rollback"],
  directory: string,
  { mode = "full", env = {}, signal = new AbortController().signal }: GatheringOptions = {},
): Gathering {
  const written = configSchema.parse({ version: 1, agent: { name: "support" }, ...(rollback ? { rollback } : {}) });
  const readCommand = () => Promise.reject(new Error("no command is configured"));
  return {
    project: {
      file: `${directory}/clawproof.yaml`,
      shownFile: "clawproof.yaml",
      directory,
      sha256: "",
      environment: null,
      protected: false,
      config: { ...written, killSwitch: undefined },
      env,
      secrets: createSecrets({ config: undefined, directory, env, readCommand }),
      where: () => ({ file: "clawproof.yaml", line: 1, column: 1 }),
    },
    mode,
    mayAct: true,
    activator: "kim@laptop",
    clock: { now: () => NOW, monotonic: () => 0 },
    signal,
    progress: { show: () => undefined, clear: () => undefined, say: () => undefined },
    facts: {},
    notBack: [],
  };
}
