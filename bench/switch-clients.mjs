// Many event clients in one process: tells its parent when each order reached each of them. It reads the sockets itself,
// into one shared buffer, so that what is measured is the server. Times are nanoseconds on Linux's monotonic clock, which
// all processes share.
//
// node switch-clients.mjs PORT COUNT, with the token (or nothing) in TOKEN
import { connect } from "node:net";

const [port, count] = process.argv.slice(2).map(Number);
/** Connections that are being opened at one time. */
const OPENING = 50;
const EVENT_END = Buffer.from("\n\n");
const STATE = Buffer.from("event: state");
const EPOCH = Buffer.from('"epoch":');
const CHUNK_END = Buffer.from("\r\n");
const [ZERO, NINE] = Buffer.from("09");

const authorization = process.env.TOKEN ? `authorization: Bearer ${process.env.TOKEN}\r\n` : "";
const request = `GET /v1/events HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: text/event-stream\r\n${authorization}\r\n`;
const shared = Buffer.allocUnsafe(65_536);
/** By epoch, one time for each client that has it. */
const arrivals = new Map();
let begun = 0;
let ready = 0;

for (let index = 0; index < Math.min(OPENING, count); index++) open();
process.on("disconnect", () => process.exit());

function open() {
  begun += 1;
  const client = { ready: false, rest: null };
  const callback = (length, buffer) => {
    read(client, buffer.subarray(0, length), process.hrtime.bigint());
    return true;
  };
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer: shared, callback } });
  socket.on("error", (error) => lost(error.message));
  socket.on("close", () => lost("the server closed it"));
  socket.write(request);
}

function lost(why) {
  // The parent may be gone by now.
  process.send({ lost: `an event client lost its connection: ${why}` }, () => undefined);
}

function read(client, bytes, at) {
  const text = client.rest === null ? bytes : Buffer.concat([client.rest, bytes]);
  let from = 0;
  for (let end; (end = text.indexOf(EVENT_END, from)) >= 0; from = end + EVENT_END.length)
    take(client, text.subarray(from, end), at);
  const rest = text.subarray(from);
  // A chunk's own end of line follows its last event.
  client.rest = rest.length === 0 || rest.equals(CHUNK_END) ? null : Buffer.from(rest);
}

function take(client, event, at) {
  const begins = event.indexOf(STATE);
  if (begins < 0) return;
  const epoch = epochOf(event, begins);
  if (client.ready) arrived(epoch, at);
  else becomeReady(client, event, epoch);
}

function epochOf(event, begins) {
  let epoch = 0;
  let place = event.indexOf(EPOCH, begins) + EPOCH.length;
  for (; event[place] >= ZERO && event[place] <= NINE; place++) epoch = epoch * 10 + event[place] - ZERO;
  return epoch;
}

function becomeReady(client, event, epoch) {
  const text = event.toString();
  const whole = text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
  // The short cut above must find what a client that parses the message would.
  if (JSON.parse(whole).epoch !== epoch) lost(`its first state was not understood: ${text}`);
  client.ready = true;
  ready += 1;
  if (begun < count) open();
  if (ready === count) process.send({ ready: true });
}

function arrived(epoch, at) {
  if (!arrivals.has(epoch)) arrivals.set(epoch, []);
  const times = arrivals.get(epoch);
  times.push(at);
  if (times.length < count) return;
  arrivals.delete(epoch);
  process.send({ epoch, arrivals: times.map(String) });
}
