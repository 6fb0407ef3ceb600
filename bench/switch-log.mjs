// The service's log, read over its API and verified by a hash rule of our own writing.
import { createHash } from "node:crypto";
import { callerOf } from "./switch-support.mjs";

const PAGE = 1_000;

/** The log as somebody outside knows who reads it after each restart, from where they left off. */
export class KnownLog {
  faults = [];
  /** Of orders, by epoch. */
  reasons = new Map();
  #last = { seq: 0, epoch: 0, hash: "" };
  #series = null;

  async readOn(service) {
    const caller = callerOf(service);
    try {
      for (let page = [null]; page.length > 0;) page = await this.#readPage(caller);
      await this.#compareState(caller);
    } finally {
      caller.close();
    }
  }

  async #readPage(caller) {
    const { status, body } = await caller.get(`/v1/log?after=${this.#last.seq}&limit=${PAGE}`);
    if (status !== 200) throw new Error(`the log was answered ${status}`);
    this.#series ??= body.series;
    if (body.series !== this.#series) this.faults.push(`series ${this.#series} became ${body.series}`);
    for (const entry of body.entries) this.#take(entry);
    return body.entries;
  }

  #take(entry) {
    const { seq, epoch, reason, hash, previous } = entry;
    if (seq !== this.#last.seq + 1) this.faults.push(`entry ${seq} follows ${this.#last.seq}`);
    if (previous !== this.#last.hash || hash !== hashOf(entry)) this.faults.push(`the chain is broken at entry ${seq}`);
    if (typeof epoch === "number") {
      if (epoch <= this.#last.epoch) this.faults.push(`epoch ${epoch} follows ${this.#last.epoch}`);
      this.reasons.set(epoch, reason);
    }
    this.#last = { seq, hash, epoch: epoch ?? this.#last.epoch };
  }

  async #compareState(caller) {
    const { body } = await caller.get("/v1/state");
    if (body.epoch !== this.#last.epoch)
      this.faults.push(`the state has epoch ${body.epoch}, the log ${this.#last.epoch}`);
  }
}

/** SHA-256 over the canonical JSON (RFC 8785) of the entry without its own hash. */
function hashOf(entry) {
  const members = Object.entries(entry).filter(([key]) => key !== "hash");
  return createHash("sha256")
    .update(canonical(Object.fromEntries(members)))
    .digest("hex");
}

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}
