import type { Choice } from "../operator/target.ts";
import { printable } from "../report/printable.ts";
import type { Mode } from "../switch/protocol/mode.ts";
import type { Order } from "../switch/protocol/order.ts";

/** How the commands on a switch put things. */

/** `2026-11-22 14:03:11 +01:00`: this machine's time with its zone; what is no time is shown as it is. */
export function localTime(at: string | number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return printable(String(at));
  const minutes = -date.getTimezoneOffset();
  const zone = `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}

/** A scope as it is typed: a shell would expand `*`. */
export function typedScope(scope: string): string {
  return scope.replace(/\*$/, "all");
}

/** A scope in a sentence. */
export function scopeWords(scope: string): string {
  return scope === "*" ? "everything (*)" : printable(scope);
}

/** What one does who is held by a mode. */
export function modeWords(mode: Mode): string {
  return mode === "running" ? "may act" : mode === "read-only" ? "may read, and not write" : "may not act";
}

/** `order 7: stopped support-agent, by kim, 2026-11-22 14:03:11 +01:00: it pays out twice`. */
export function orderLine({ epoch, scope, mode, cause, by, at, reason, expiresAt }: Order): string {
  const who = cause === "breaker" ? `the breaker of ${printable(by)}` : printable(by);
  const end = expiresAt === undefined ? "" : ` (until ${localTime(expiresAt)})`;
  return `order ${epoch}: ${mode} ${scopeWords(scope)}${end}, by ${who}, ${localTime(at)}: ${printable(reason)}`;
}

/** An order on a part of the scope that was asked about: that part is held all the same. */
export function narrowerLine(order: Order): string {
  return `Narrower, in force: ${orderLine(order)}`;
}

/** Milliseconds as a person reads them: `0.4 s`, `12 s`. */
export function secondsWords(ms: number): string {
  return ms < 9_950 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`;
}

/** The options that named the switch, for a command line that acts on the same one. */
export function sameSwitch({ switch: url, config, env }: Choice): string {
  const options = [
    ["--switch", url],
    ["-c", config],
    ["--env", env],
  ] as const;
  return options.map(([option, value]) => (value === undefined ? "" : ` ${option} ${shellWord(value)}`)).join("");
}

function shellWord(text: string): string {
  const shown = printable(text);
  return /^[\w@%+=:,./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`;
}
