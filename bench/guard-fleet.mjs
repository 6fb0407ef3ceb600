// A hundred guarded agents, each a process of its own that writes every few milliseconds: from sending a kill to the last
// write that started, beside as many processes that set a flag when a bare event server tells them; and the same where
// the service is killed hard instead, so that the lease alone can stop them.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { median, milliseconds } from "./support.mjs";
import { callerOf, startBare, startService } from "./switch-support.mjs";

const AGENT = join(import.meta.dirname, "guard-agent.mjs");
const AGENTS = 100;
const ROUNDS = 3;
const BOUND = 2;
/** Where the service is killed hard; elsewhere the lease must not be what stops them. */
const SHORT_LEASE_MS = 2_000;
const LEASE_MS = 15_000;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function fleet({ agents = AGENTS, rounds = ROUNDS } = {}) {
  const ours = [];
  const bare = [];
  let startedAfter = 0;
  for (let round = 0; round < rounds; round++) {
    bare.push((await killed(await startBare(), "bare", agents)).last);
    const { last, after } = await onService((server) => killed(server, "guard", agents));
    ours.push(last);
    startedAfter += after;
  }
  const lost = await onService((server) => killedHard(server, agents));
  const ratio = median(ours) / median(bare);
  return [
    {
      what: `kill to the last write that started, ${agents} agents`,
      measured: `${ratio.toFixed(2)} × (${milliseconds(median(ours))}, worst ${milliseconds(Math.max(...ours))})`,
      bound: `≤ ${BOUND} ×`,
      peer: `a flag set by a bare event server: ${milliseconds(median(bare))}, worst ${milliseconds(Math.max(...bare))}`,
      met: ratio <= BOUND,
    },
    {
      what: "writes started after an instance reported the epoch",
      measured: String(startedAfter),
      bound: "0",
      peer: `${agents * rounds} instances`,
      met: startedAfter === 0,
    },
    {
      what: "service killed hard: the last write that started, p100",
      measured: milliseconds(lost),
      bound: `≤ ${milliseconds(SHORT_LEASE_MS)}`,
      peer: "the lease",
      met: lost <= SHORT_LEASE_MS,
    },
  ];
}

async function onService(work) {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
  try {
    return await work(await startService(join(folder, "switch.db")));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns {Promise<{ last: number, after: number }>} milliseconds, and how many writes started after a report */
async function killed(server, design, count) {
  const caller = callerOf(server);
  const fleet = await startFleet(server, { design, count, leaseMs: LEASE_MS });
  try {
    const sent = process.hrtime.bigint();
    const { status } = await caller.post("/v1/kill", { scope: "bench-agent", reason: "bench" });
    if (status !== 200) throw new Error(`the kill was answered ${status}`);
    const seen = await fleet.stopped();
    const last = lastOf(seen, sent);
    if (last < 0) throw new Error("the agents had stopped writing before the kill was sent");
    return { last, after: seen.reduce((sum, { startedAfter }) => sum + startedAfter, 0) };
  } finally {
    caller.close();
    await fleet.close();
    await server.stop();
  }
}

/** @returns {Promise<number>} milliseconds from the service's death to the last write that started anywhere */
async function killedHard(server, count) {
  const fleet = await startFleet(server, { design: "guard", count, leaseMs: SHORT_LEASE_MS });
  try {
    const at = process.hrtime.bigint();
    await server.stop("SIGKILL");
    return lastOf(await fleet.stopped(), at);
  } finally {
    await fleet.close();
  }
}

const lastOf = (seen, since) => Math.max(...seen.map(({ lastStart }) => Number(BigInt(lastStart) - since) / 1e6));

async function startFleet({ port, token }, { design, count, leaseMs }) {
  const env = {
    ...process.env,
    TOKEN: design === "guard" ? await agentToken(port, token) : "",
    LEASE_MS: String(leaseMs),
  };
  const agents = Array.from({ length: count }, () => fork(AGENT, [design, String(port)], { env }));
  const said = agents.map((child) => {
    const messages = [];
    const waiting = [];
    child.on("message", (message) => (waiting.shift() ?? ((one) => messages.push(one)))(message));
    return () => new Promise((resolve) => (messages.length > 0 ? resolve(messages.shift()) : waiting.push(resolve)));
  });
  await Promise.all(said.map((next) => next()));
  // All of them write by now, and nothing else happens.
  await delay(1_000);
  return {
    stopped: () => Promise.all(said.map(async (next) => (await next()).stopped)),
    close: () =>
      Promise.all(
        agents.map(async (child) => {
          child.kill("SIGKILL");
          if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
        }),
      ),
  };
}

async function agentToken(port, token) {
  const caller = callerOf({ port, token });
  const { status, body } = await caller.post("/v1/tokens", { name: "pods", roles: ["agent"], agent: "bench-agent" });
  caller.close();
  if (status !== 201) throw new Error(`a token was answered ${status}`);
  return body.token;
}
