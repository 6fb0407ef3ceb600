// One agent of the fleet, a process of its own, that writes every few milliseconds until it is stopped. It tells its parent
// `{ ready }`, and after `{ begin }` what it saw: `{ stopped: { lastStart, reportedAt, startedAfter } }`, times in nanoseconds
// on Linux's monotonic clock, which all processes share.
//
// node guard-agent.mjs guard|bare PORT, with the token (or nothing) in TOKEN and the guard's lease in LEASE_MS
import { ClientRequest, get } from "node:http";
import { createGuard } from "../dist/index.js";

const [design, port] = process.argv.slice(2);
const url = `http://127.0.0.1:${port}`;
const EVERY_MS = 20;
/** So many refusals in a row, and it is stopped. */
const ENOUGH = 20;

let isStopped = false;
let lastStart = 0n;
let reportedAt = 0n;
let startedAfter = 0;
let refusals = 0;

function write() {
  lastStart = process.hrtime.bigint();
  if (reportedAt !== 0n) startedAfter++;
}

const attempt = design === "guard" ? guarded() : bare();
process.on("disconnect", () => process.exit());

function guarded() {
  const leaseMs = Number(process.env.LEASE_MS ?? 15_000);
  const guard = createGuard({
    agent: "bench-agent",
    killSwitch: { url, token: process.env.TOKEN, lease: leaseMs },
    drain: 0,
    onNotice: () => undefined,
  });
  noteReports();
  const action = guard.action("write", { run: write });
  void guard.ready({ timeout: 60_000 }).then(begin);
  return () =>
    action(null).then(
      () => (refusals = 0),
      () => refusals++,
    );
}

/** When the instance says that it has applied an order: the moment its report is sent. */
function noteReports() {
  const { end } = ClientRequest.prototype;
  ClientRequest.prototype.end = function ended(chunk, ...rest) {
    if (this.path === "/v1/report" && isOrdered(String(chunk))) reportedAt = process.hrtime.bigint();
    return end.call(this, chunk, ...rest);
  };
}

let firstEpoch;
function isOrdered(body) {
  const { epoch } = JSON.parse(body);
  firstEpoch ??= epoch;
  return epoch > firstEpoch && reportedAt === 0n;
}

/** What anyone would write: a flag that an event sets. */
function bare() {
  let first = true;
  const sent = get(`${url}/v1/events`, (response) => {
    response.setEncoding("utf8").on("data", (text) => {
      if (!text.includes("event: state")) return;
      if (!first) isStopped = true;
      first = false;
      begin();
    });
  });
  sent.on("error", () => undefined);
  return async () => {
    if (isStopped) refusals++;
    else {
      refusals = 0;
      write();
    }
  };
}

let timer;
function begin() {
  if (timer) return;
  timer = setInterval(() => {
    void attempt();
    if (refusals < ENOUGH) return;
    clearInterval(timer);
    process.send({ stopped: { lastStart: String(lastStart), startedAfter, reportedAt: String(reportedAt) } });
  }, EVERY_MS);
  process.send({ ready: true });
}
