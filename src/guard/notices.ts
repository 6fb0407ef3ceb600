import type { SwitchNotice } from "../switch/client/notice.ts";
import type { Notice } from "./options.ts";

/** What the switch's client has to say, as the guard says it. */
export function noticeOfSwitch({ kind, message }: SwitchNotice): Notice {
  return { level: kind === "unreachable" ? "warn" : "error", code: kind, message };
}

/**
 * Who listens is the agent's own code. What it throws must not keep the gate from its work, nor end the agent from a timer,
 * and the news is not lost with it.
 */
export function heardBy(listener: (notice: Notice) => void): (notice: Notice) => void {
  return (notice) => {
    try {
      listener(notice);
    } catch {
      consoleNotice(notice);
    }
  };
}

/** Where nobody listens, warnings and errors go to the console: what holds an agent must not be silent. */
export function consoleNotice({ level, code, message }: Notice): void {
  if (level === "info") return;
  const line = `clawproof: ${message} [${code}]`;
  if (level === "warn") console.warn(line);
  else console.error(line);
}
