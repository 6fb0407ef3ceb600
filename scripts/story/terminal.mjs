import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

const CLAWPROOF = join(import.meta.dirname, "..", "..", "bin", "clawproof.js");
/** Of the 337 lines of a plan that are alike a reader wants to see two. */
const SHOWN = 2;
const PLANNED = /^\d{4}-\d\d-\d\d .* {2}(undo|conflict) /;

const READING_MS = 2_500;

/** Something that the story tells did not happen. */
export class DidNotHappen extends Error {}

/** What the reader sees: sentences with the seconds since the beginning, and commands with what they really print. */
export class Terminal {
  #began = performance.now();
  #signal;

  /** @param {AbortSignal} signal ends the command that runs */
  constructor(signal) {
    this.#signal = signal;
  }

  /** A new part of the story; whoever watches a terminal is given time to read the last one. Throws what the signal says. */
  async act(text) {
    if (process.stdout.isTTY) await pause(READING_MS, undefined, { signal: this.#signal });
    console.log(`\n── ${text}`);
  }

  say(text, ...more) {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    console.log(`${seconds.padStart(6)} s  ${text}`);
    for (const line of more) console.log(`          ${line}`);
  }

  /** Goes on only where it is so. Throws DidNotHappen. */
  check(what, isSo, seen = "") {
    if (!isSo) throw new DidNotHappen(`${what}${seen === "" ? "" : `; seen: ${seen}`}`);
  }

  /**
   * Runs the built program, shows what it prints, and gives it back without colours. What is `known` of a plan by now is
   * not shown again. Throws what the signal says.
   */
  async clawproof(cwd, args, { env = {}, known = false } = {}) {
    console.log(`$ clawproof ${args.map(typed).join(" ")}\n`);
    const ours = Object.entries(process.env).filter(([name]) => !name.startsWith("CLAWPROOF_"));
    const colours = process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: "1" } : {};
    // Apart from our process group: the terminal's Ctrl-C would reach it twice, by the terminal and by us.
    const child = spawn(process.execPath, [CLAWPROOF, ...args], {
      cwd,
      env: { ...Object.fromEntries(ours), ...colours, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const end = () => child.kill("SIGINT");
    this.#signal.addEventListener("abort", end);
    const text = { stdout: "", stderr: "" };
    const shorten = known ? withoutPlan() : withoutAlike();
    for (const stream of ["stdout", "stderr"]) {
      createInterface({ input: child[stream] }).on("line", (line) => {
        text[stream] += `${stripVTControlCharacters(line)}\n`;
        for (const shown of shorten(line)) console.log(shown);
      });
    }
    const status = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    this.#signal.removeEventListener("abort", end);
    this.#signal.throwIfAborted();
    console.log(`\nexit status ${status}`);
    return { ...text, status };
  }
}

/** As somebody types it. */
const typed = (word) => (/^[\w@/.:*-]+$/.test(word) ? word : `"${word}"`);

/** Leaves out what is like the lines before it, and says how much that was. */
function withoutAlike() {
  let shown = 0;
  let left = 0;
  return (line) => {
    if (kindOf(line) === "undo" && ++shown > SHOWN) {
      left += 1;
      return [];
    }
    const words = left === 0 ? [] : [`… ${left} more to undo`];
    left = 0;
    return [...words, line];
  };
}

function withoutPlan() {
  let left = 0;
  return (line) => {
    if (kindOf(line) !== undefined) {
      left += 1;
      return [];
    }
    const words = left === 0 ? [] : [`… the ${left} lines of the plan`];
    left = 0;
    return [...words, line];
  };
}

const kindOf = (line) => PLANNED.exec(stripVTControlCharacters(line))?.[1];
