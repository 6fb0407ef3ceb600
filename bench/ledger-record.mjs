// What recording an action costs, row before and end after, each on the disk: beside two bare durable inserts of the same
// size in the same database; sixty-four at once beside one at a time; with a hundred thousand rows beside a thousand.
import { randomBytes } from "node:crypto";
import { pathToFileURL } from "node:url";
import { BARE } from "./ledger-bare.mjs";
import { action, built, outcome, place } from "./ledger-support.mjs";
import { revocoRow } from "./ledger-revoco.mjs";
import { median } from "./support.mjs";

const ROUNDS = 15;
/** Actions of one round. */
const SINGLES = 100;
const AT_ONCE = 64;
const GROUPED = AT_ONCE * 20;
const FEW = 1_000;
const MANY = 100_000;

const MOST_TIMES_BARE = 1.3;
const LEAST_TIMES_SINGLE = 8;
/** Two equal things measured here differ by so much. */
const EQUAL = 1.1;

const NAMES = { sqlite: "SQLite", postgres: "PostgreSQL", mysql: "MariaDB" };

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function record() {
  const open = await import(pathToFileURL(await built("src/ledger/open.ts", "ledger")).href);
  const rows = [];
  let atOnce = null;
  for (const dialect of Object.keys(NAMES)) {
    const [small, large] = [await place(dialect), await place(dialect)];
    if ("why" in small) {
      rows.push(notRun(`recording on ${NAMES[dialect]}`, small.why));
      continue;
    }
    try {
      const figures = await measure(dialect, small.url, large.url, open.openLedger);
      if (dialect === "sqlite") atOnce = figures.atOnceMs;
      rows.push(...rowsOf(NAMES[dialect], figures));
    } finally {
      await small.end();
      await large.end();
    }
  }
  rows.push(await revocoRow(atOnce));
  return rows;
}

const notRun = (what, why) => ({ what, measured: `not run (${why})`, bound: "-", peer: "-", met: null });

async function measure(dialect, smallUrl, largeUrl, openLedger) {
  const [ledger, grown] = [await openLedger(smallUrl), await openLedger(largeUrl)];
  const bare = await BARE[dialect](smallUrl);
  await atOnce(ledger, FEW);
  for (let rows = 0; rows < MANY; rows += 10_000) await atOnce(grown, 10_000, 512);
  const measured = { bare: [], single: [], grown: [], atOnce: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const one = {
      bare: await timed(SINGLES, () => inserts(bare, SINGLES)),
      single: await timed(SINGLES, () => singles(ledger, SINGLES)),
      grown: await timed(SINGLES, () => singles(grown, SINGLES)),
      atOnce: await timed(GROUPED, () => atOnce(ledger, GROUPED, AT_ONCE)),
    };
    // The first round warms the caches and the statements.
    if (round > 0) for (const [name, ms] of Object.entries(one)) measured[name].push(ms);
  }
  await ledger.close();
  await grown.close();
  await bare.close();
  // Of each round by itself, so that whatever else the machine does meets both sides.
  const ratio = (one, other) => median(measured[one].map((ms, round) => ms / measured[other][round]));
  return {
    bareMs: median(measured.bare),
    singleMs: median(measured.single),
    atOnceMs: median(measured.atOnce),
    grownMs: median(measured.grown),
    timesBare: ratio("single", "bare"),
    timesSingle: ratio("single", "atOnce"),
    timesFew: ratio("grown", "single"),
  };
}

function rowsOf(name, { bareMs, singleMs, atOnceMs, grownMs, timesBare, timesSingle, timesFew }) {
  return [
    {
      what: `recording on ${name}, one at a time`,
      measured: `${micro(singleMs)} (${timesBare.toFixed(2)} x)`,
      bound: `<= ${MOST_TIMES_BARE} x two bare durable inserts`,
      peer: `two bare inserts: ${micro(bareMs)}`,
      met: timesBare <= MOST_TIMES_BARE,
    },
    {
      what: `recording on ${name}, ${AT_ONCE} at once`,
      measured: `${micro(atOnceMs)} an action (${timesSingle.toFixed(1)} x as many)`,
      bound: `>= ${LEAST_TIMES_SINGLE} x one at a time`,
      peer: `one at a time: ${micro(singleMs)}`,
      met: timesSingle >= LEAST_TIMES_SINGLE,
    },
    {
      what: `recording on ${name} with ${MANY.toLocaleString("en")} rows`,
      measured: `${micro(grownMs)} (${timesFew.toFixed(2)} x)`,
      bound: `<= ${EQUAL} x with ${FEW.toLocaleString("en")}`,
      peer: `with ${FEW.toLocaleString("en")}: ${micro(singleMs)}`,
      met: timesFew <= EQUAL,
    },
  ];
}

const micro = (ms) => `${(ms * 1_000).toFixed(0)} us`;

/** Milliseconds for each of so many. */
async function timed(count, work) {
  const began = performance.now();
  await work();
  return (performance.now() - began) / count;
}

async function singles(ledger, count) {
  for (let done = 0; done < count; done++) await ledger.end(await ledger.begin(action()), outcome());
}

/** Two inserts for each action: one as large as its row, one as large as its end. */
async function inserts(bare, count) {
  for (let done = 0; done < count; done++) {
    await bare.insert(idOf(), JSON.stringify(action()));
    await bare.insert(idOf(), JSON.stringify(outcome()));
  }
}

const idOf = () => randomBytes(13).toString("hex");

async function atOnce(ledger, count, lanes = AT_ONCE) {
  let left = count;
  const lane = async () => {
    while (left-- > 0) await ledger.end(await ledger.begin(action()), outcome());
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
