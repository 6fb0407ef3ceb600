// SIGKILL at a random moment around an order, again and again on one data file. After each restart: every answered order
// still stands in the log under its epoch, so does every one that an event client was told of, epochs only grow, and the
// hashes chain from the first entry to the last.
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KnownLog } from "./switch-log.mjs";
import { callerOf, restartService, startService } from "./switch-support.mjs";

const ROUNDS = 200;
/** Orders are sent one after the other on each of these, so that at any moment one is being written. */
const LANES = 2;
/** The kill waits for so many answers at most, and then for up to one and a half times what the last of them took. */
const MOST_ANSWERS = 4;
const BEYOND = 1.5;
/** What an answer takes where none is waited for. */
const FIRST_MS = 30;

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function kill9({ rounds = ROUNDS } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "clawproof-bench-"));
  const dataFile = join(folder, "switch.db");
  const log = new KnownLog();
  const totals = { answered: 0, inFlight: 0, stood: 0, lost: [] };
  let service = await startService(dataFile);
  try {
    const { token } = service;
    for (let round = 1; round <= rounds; round++) {
      const seen = await oneRound(service, round);
      service = await restartService(dataFile, token);
      await log.readOn(service);
      account(totals, log, seen);
    }
  } finally {
    await service.stop("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
  return rowsOf(rounds, totals, log);
}

function rowsOf(rounds, { answered, inFlight, stood, lost }, log) {
  const faults = [...lost, ...log.faults];
  return [
    {
      what: `${rounds} rounds of SIGKILL around an order`,
      measured: faults.length === 0 ? `${answered} orders answered, none lost, chain whole` : faults.join("; "),
      bound: "none lost, no epoch inverted, chain whole",
      peer: `unanswered at the kill: ${inFlight}, of which ${stood} stood afterwards`,
      met: faults.length === 0 && answered > 0 && inFlight > 0,
    },
  ];
}

/** Sends orders until the service is killed. */
async function oneRound(service, round) {
  const seen = { answered: new Map(), pushed: new Map(), sent: new Set(), faults: [] };
  await follow(service, seen.pushed);
  const callers = Array.from({ length: LANES }, () => callerOf(service));
  const answers = new EventEmitter();
  const enough = tookAtAnswer(answers, Math.floor(Math.random() * (MOST_ANSWERS + 1)));
  const lanes = callers.map((caller, lane) => {
    const answered = (took) => answers.emit("answer", took);
    return sendOrders(caller, `lane-${lane}`, `r${round}-l${lane}`, seen, answered);
  });
  const ended = Promise.all(lanes).then(() => Promise.reject(new Error("the service ended by itself")));
  await delay(Math.random() * BEYOND * (await Promise.race([enough, ended])));
  await service.stop("SIGKILL");
  await Promise.all(lanes);
  for (const caller of callers) caller.close();
  return seen;
}

/** Milliseconds that the answer with this number took. */
async function tookAtAnswer(answers, number) {
  let took = FIRST_MS;
  for (let count = 0; count < number; count++) [took] = await once(answers, "answer");
  return took;
}

/** A kill and its release in turn, each with a reason of its own; ends with the connection. */
async function sendOrders(caller, scope, mark, seen, answered) {
  for (let number = 0; ; number++) {
    const reason = `${mark}-${number}`;
    seen.sent.add(reason);
    const began = performance.now();
    const answer = await caller
      .post(number % 2 === 0 ? "/v1/kill" : "/v1/release", { scope, reason })
      .catch(() => null);
    if (answer === null) return;
    if (answer.status === 200) seen.answered.set(answer.body.epoch, reason);
    else seen.faults.push(`${reason} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    answered(performance.now() - began);
  }
}

/** Notes of each order that an event client hears of under which epoch it was; resolves with the first state. */
function follow({ port, token }, pushed) {
  const headers = { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path: "/v1/events", headers, agent: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`the events were answered ${response.statusCode}`));
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
        const events = text.split("\n\n");
        text = events.pop();
        for (const event of events) note(event, pushed);
        if (events.length > 0) resolve();
      });
      response.on("error", () => undefined);
    });
    request.on("error", reject);
  });
}

function note(event, pushed) {
  if (!/^event: ?state$/m.test(event)) return;
  const state = JSON.parse(/^data: ?(.*)$/m.exec(event)[1]);
  // A release is told of by its epoch alone.
  if (state.epoch > 0) pushed.set(state.epoch, undefined);
  for (const { epoch, reason } of state.orders) pushed.set(epoch, reason);
}

function account(totals, log, { answered, pushed, sent, faults }) {
  totals.lost.push(...faults);
  totals.answered += answered.size;
  const answers = new Set(answered.values());
  const unanswered = [...sent].filter((reason) => !answers.has(reason));
  totals.inFlight += unanswered.length;
  const stands = new Set(log.reasons.values());
  totals.stood += unanswered.filter((reason) => stands.has(reason)).length;
  for (const [what, orders] of Object.entries({ answered, pushed })) {
    for (const [epoch, reason] of orders) {
      const stood = log.reasons.get(epoch);
      if (stood === undefined || (reason ?? stood) !== stood)
        totals.lost.push(`epoch ${epoch} was ${what} as ${reason} and is ${stood ?? "lost"}`);
    }
  }
}
