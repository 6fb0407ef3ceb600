import { readFileSync, writeSync } from "node:fs";
import { SwitchClient } from "../../../src/switch/client/client.ts";

/**
 * An agent in a process of its own: node CHILD URL TOKEN CA|- WORK. It follows the switch, works for so many
 * milliseconds or until it has `heard`, and ends
 * by having nothing more to do; what it then says is the last that it does.
 */

const [url = "", token = "", ca = "-", work = "0"] = process.argv.slice(2);
const notices: string[] = [];
const client = new SwitchClient({
  urls: url.split(","),
  token,
  ca: ca === "-" ? undefined : readFileSync(ca, "utf8"),
  agent: "support",
  instance: "child",
  leaseMs: 15_000,
  running: () => ({}),
  notice: ({ message }) => void notices.push(message),
});
client.start();
void client.trip({ signal: "error rate", figures: {} }, "child").catch(() => undefined);
let heard = false;
const working = work === "heard" ? setInterval(() => undefined, 1_000) : setTimeout(() => undefined, Number(work));
client.onChange(() => {
  // The trip's own order.
  heard = client.view?.epoch === 1;
  if (heard && work === "heard") clearInterval(working);
});
process.once("exit", () => writeSync(1, heard ? "heard" : `not heard: ${notices.join("; ")}`));
