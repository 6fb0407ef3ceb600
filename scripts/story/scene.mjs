import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { setTimeout as pause } from "node:timers/promises";
import { startChild } from "../../fixtures/ready/common/child.mjs";
import { stage, start, unstage } from "../../fixtures/stage.mjs";
import { Customers } from "./customers.mjs";
import { DidNotHappen } from "./terminal.mjs";
import { Traffic } from "./traffic.mjs";

const CLAWPROOF = join(import.meta.dirname, "..", "..", "bin", "clawproof.js");
const { PATH, HOME } = process.env;

/** Throws DidNotHappen. */
export async function getJson(url, headers = {}) {
  try {
    return await (await fetch(url, { headers })).json();
  } catch (error) {
    throw new DidNotHappen(`${url} answered; seen: ${error.cause?.message ?? error.message}`);
  }
}

/** Where the story plays: the guarded sample with its customers, and everything that has to be ended. */
export class Scene {
  folder;
  urls;
  customers;
  traffic;
  /** What a person of the team has in her environment. */
  kim;
  /** What the sample said on standard error so far. */
  errors = () => "";
  #signal;
  #ends = [];

  constructor(signal) {
    this.#signal = signal;
  }

  /** Lays the sample out, with many customers, and starts it: agent 2.4.0, switch and alert sink, each its own process. */
  async open() {
    this.folder = await stage("guarded");
    this.#ends.push(() => unstage(this.folder));
    this.customers = await Customers.invent(this.folder);
    this.#ends.push(() => this.customers.close());
    this.#signal.throwIfAborted();
    const sample = await start(this.folder, { detached: true });
    this.#ends.push(() => sample.stop());
    this.errors = () => sample.errors();
    this.urls = sample.urls;
    this.traffic = new Traffic(this.urls.agent, this.#signal);
    this.#ends.push(() => this.traffic.end());
    this.#signal.throwIfAborted();
    const operator = await this.#secret("operator-token");
    const env = { PATH, HOME, CLAWPROOF_SWITCH_URL: this.urls.switch, CLAWPROOF_TOKEN: operator };
    const added = await promisify(execFile)(
      process.execPath,
      [CLAWPROOF, "token", "add", "kim", "--role", "kill", "--role", "release"],
      { env },
    );
    this.kim = { CLAWPROOF_SWITCH_URL: this.urls.switch, CLAWPROOF_TOKEN: added.stdout.trim() };
  }

  /** Starts another version of the agent beside the one that runs. Gives its address. */
  async startVersion(agentFolder) {
    const env = { PATH, HOME, SWITCH_URL: this.urls.switch, AGENT_TOKEN: await this.#secret("agent-token") };
    let died;
    const death = new Promise((_, reject) => {
      died = (why) => reject(new DidNotHappen(why));
    });
    death.catch(() => {}); // of no interest once it listens: then the traffic tells
    const args = [`${agentFolder}/server.mjs`, "--port", "0"];
    const child = startChild({ name: agentFolder, args, cwd: this.folder, env, onDeath: died, detached: true });
    this.#ends.push(() => child.end());
    const pidFile = join(this.folder, "run", `${agentFolder}.pid`);
    await writeFile(pidFile, `${child.pid}\n`);
    this.#ends.push(() => rm(pidFile, { force: true }));
    return Promise.race([child.ready, death]);
  }

  /** The switch's log, oldest entry first. */
  async log() {
    const authorization = `Bearer ${this.kim.CLAWPROOF_TOKEN}`;
    return (await getJson(`${this.urls.switch}/v1/log?after=0`, { authorization })).entries;
  }

  /** An alert that reached the team's pager. Throws DidNotHappen. */
  async alert(what, isIt) {
    for (let tries = 0; tries < 200; tries++) {
      this.#signal.throwIfAborted();
      const { alerts } = await getJson(`${this.urls.alerts}/received`);
      const found = alerts.find(isIt);
      if (found) return found;
      await pause(50);
    }
    throw new DidNotHappen(`${what}, within 10 s`);
  }

  /** Ends all that was started, newest first, and removes all that was laid out; what fails holds up nothing else. */
  async close() {
    const failed = [];
    for (const end of this.#ends.toReversed()) {
      try {
        await end();
      } catch (error) {
        failed.push(error);
      }
    }
    this.#ends = [];
    if (failed.length > 0) throw failed[0];
  }

  async #secret(name) {
    return (await readFile(join(this.folder, "run", name), "utf8")).trim();
  }
}
