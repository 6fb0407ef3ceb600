// Given to the audited process with `--import`: at its end it writes what it cost as JSON to file descriptor 3.
import { subscribe } from "node:diagnostics_channel";
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";

const delay = monitorEventLoopDelay({ resolution: 1 });

// Stalls count from the first process or connection that is opened: before it the program only loads itself, and there
// is nobody to keep waiting.
subscribe("child_process", () => void delay.enable());
const { connect } = Socket.prototype;
Socket.prototype.connect = function connectAndWatch(...args) {
  delay.enable();
  return connect.apply(this, args);
};

process.on("exit", () => {
  const peakMb = process.resourceUsage().maxRSS / 1024;
  writeSync(3, JSON.stringify({ peakMb, stallMs: delay.max / 1e6 }));
});
