import { type ProcessId, self, startOf } from "./process-info.mjs";
import type { Charge, Command } from "./guardian-child.mjs";
import { fileBeside } from "./beside.ts";

export type GuardianCharge = Omit<Charge, "drill">;
export type GuardianCommand = Command;

/** It did not start, or did not answer: nothing may be frozen or killed without it. The message is for a person. */
export class GuardianFailed extends Error {
  override name = "GuardianFailed";
}

/** A process that puts back what a drill froze or killed, should the drill die or take too long. */
export interface Guardian {
  readonly id: ProcessId;
  /** Aborted once it has ended, or has put back: nothing may be frozen or killed from then on. */
  readonly lost: AbortSignal;
  /** All is well: it ends without touching anything. */
  dismiss(): Promise<void>;
  /** All is not well: it puts back at once, by itself, and is dismissed no more. */
  letAct(): void;
}

const ARM_MS = 10_000;
const END_MS = 2_000;

/**
 * Starts a guardian for this process; once this resolves it is armed. It is told everything over its channel: what
 * it is to run may hold secrets, and arguments can be read by anybody. Throws GuardianFailed.
 */
export async function startGuardian(charge: GuardianCharge): Promise<Guardian> {
  const { execaNode } = await import("execa");
  const child = execaNode(fileBeside("guardian-child", import.meta.url), [], {
    ipc: true,
    // A session of its own: it outlives us, and no Ctrl-C reaches it.
    detached: true,
    cleanup: false,
    extendEnv: false,
    nodeOptions: [],
    buffer: false,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    reject: false,
  });
  const lost = new AbortController();
  const ended = child.then(() => lost.abort());
  const says = (key: "armed" | "over") =>
    child.getOneMessage({ filter: (message: unknown) => (message as Record<string, unknown>)[key] === true });
  // Ends without a word where it is killed; then `ended` tells.
  says("over").then(
    () => lost.abort(),
    () => undefined,
  );
  const armed = Promise.all([says("armed"), child.sendMessage({ charge: { ...charge, drill: self() } })]).then(
    () => true,
    () => false,
  );
  const isArmed = await within(Promise.race([armed, ended.then(() => false)]), ARM_MS);
  const { pid } = child;
  if (isArmed !== true || pid === undefined || lost.signal.aborted) {
    child.kill("SIGKILL");
    throw new GuardianFailed("the guardian, which would put back if this drill died, could not be started");
  }
  let acting = false;
  return {
    id: { pid, start: startOf(pid) },
    lost: lost.signal,
    async dismiss() {
      if (acting) return;
      try {
        await child.sendMessage({ done: true });
      } catch {
        // It has ended already.
      }
      await within(ended, END_MS);
      child.kill("SIGKILL");
      await ended;
    },
    letAct() {
      acting = true;
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}

/** What a promise comes to, or undefined past the limit. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
