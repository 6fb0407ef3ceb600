/**
 * What the page says, and how it judges scopes. Pure: nothing here touches the document or the network.
 *
 * @typedef {"running" | "read-only" | "stopped"} Mode
 * @typedef {{ epoch: number, scope: string, mode: Mode, cause: "person" | "breaker", by: string, reason: string,
 *   at: string, expiresAt?: string }} Order
 * @typedef {{ instance: string, agent: string, version: string | null, state: "obeyed" | "pending" | "silent",
 *   running?: Record<string, number>, seenAt: string }} Instance
 * @typedef {{ drill: boolean, agent: string | null, version: string | null, type: string | null }} Scope
 */

const NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";
const FORM = new RegExp(`^(drill/)?(?:(\\*)|(${NAME})(?:@(${NAME})|/(${NAME}))?)$`);
const RESERVED = ["drill", "all"];
const MOST_NAMES = 5;

/** The words for each mode. */
export const MODES = { running: "RUNNING", "read-only": "READ-ONLY", stopped: "STOPPED" };

/**
 * The scope that a text names; null where it names none. As in src/switch/protocol/scope.ts.
 *
 * @param {string} text
 * @returns {Scope | null}
 */
export function parseScope(text) {
  const [, drill, all, agent, version, type] = FORM.exec(text) ?? [];
  if (all === undefined && agent === undefined) return null;
  if (agent !== undefined && RESERVED.includes(agent)) return null;
  return { drill: drill !== undefined, agent: agent ?? null, version: version ?? null, type: type ?? null };
}

/**
 * Whether an order on the first scope holds for everything that the second names.
 *
 * @param {Scope} scope
 * @param {Scope} target
 */
export function covers(scope, target) {
  if (scope.drill && !target.drill) return false;
  if (scope.agent === null) return true;
  if (scope.agent !== target.agent) return false;
  if (scope.version !== null && scope.version !== target.version) return false;
  return scope.type === null || scope.type === target.type;
}

/**
 * The orders that hold for a scope, and those that hold elsewhere; strictest first, then newest.
 *
 * @param {readonly Order[]} orders
 * @param {string} text
 * @returns {{ covering: Order[], elsewhere: Order[] }}
 */
export function ordersOver(orders, text) {
  const target = parseScope(text);
  const holds = (order) => {
    const scope = parseScope(order.scope);
    return target !== null && scope !== null && covers(scope, target);
  };
  const rank = ({ mode, epoch }) => [mode === "stopped" ? 1 : 0, epoch];
  const sorted = [...orders].sort((one, other) => rank(other)[0] - rank(one)[0] || rank(other)[1] - rank(one)[1]);
  return { covering: sorted.filter(holds), elsewhere: sorted.filter((order) => !holds(order)) };
}

/**
 * The orders on parts of a scope, which hold there whatever the scope may do. A drill is no part of real work.
 *
 * @param {readonly Order[]} orders
 * @param {string} text
 * @returns {Order[]}
 */
export function narrowerOrders(orders, text) {
  const whole = parseScope(text);
  return orders.filter((order) => {
    const part = parseScope(order.scope);
    if (whole === null || part === null || order.scope === text) return false;
    return part.drill === whole.drill && covers(whole, part);
  });
}

/**
 * What is allowed under these orders: the strictest wins.
 *
 * @param {readonly Order[]} covering
 * @returns {Mode}
 */
export function strictest(covering) {
  if (covering.some(({ mode }) => mode === "stopped")) return "stopped";
  return covering.length > 0 ? "read-only" : "running";
}

/** What nobody sees, and what reorders the words beside it. */
const UNPRINTABLE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu;

/**
 * Text that others wrote, as it is shown: a reason must not turn round what this page says. As in src/report/printable.ts.
 *
 * @param {string} text
 */
export function shownText(text) {
  return text.replace(UNPRINTABLE, " ");
}

/**
 * How a scope is called on buttons.
 *
 * @param {string} scope
 */
export function nameOf(scope) {
  return scope === "*" ? "all agents" : scope;
}

/**
 * Whether an instance lies in a scope.
 *
 * @param {Instance} instance
 * @param {string} text
 */
export function isWithin({ agent, version }, text) {
  const scope = parseScope(text);
  if (scope === null) return false;
  return (scope.agent === null || scope.agent === agent) && (scope.version === null || scope.version === version);
}

/**
 * A time as this place's clocks show it: `03:12`, `03:12:40`, with the day where that is not today.
 *
 * @param {string | number} when ISO 8601, or epoch milliseconds
 */
export function localTime(when, { seconds = false, now = Date.now() } = {}) {
  const date = new Date(when);
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(seconds && { second: "2-digit" }) };
  const clock = date.toLocaleTimeString("en-GB", time);
  if (date.toDateString() === new Date(now).toDateString()) return clock;
  const year = date.getFullYear() === new Date(now).getFullYear() ? {} : { year: "numeric" };
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...year })} ${clock}`;
}

/**
 * Since when, by whom and why: `since 03:12 by kim — wrong actions`.
 *
 * @param {Order} order
 */
export function sinceWords({ at, by, cause, reason, expiresAt }, now = Date.now()) {
  const who = cause === "breaker" ? `the breaker of ${by}` : by;
  const until = expiresAt === undefined ? "" : `, until ${localTime(expiresAt, { now })}`;
  return `since ${localTime(at, { now })} by ${who}${until} — ${reason}`;
}

/**
 * Who has obeyed: `11 of 12 instances stopped; silent: pod-7`.
 *
 * @param {readonly Instance[]} instances those of the scope
 * @param {Mode} mode what the scope may do
 */
export function obedienceWords(instances, mode) {
  if (instances.length === 0) return "No instance has reported in the last day.";
  const of = (state) => instances.filter((one) => one.state === state);
  const does = { stopped: "stopped", "read-only": "only read", running: "up to date" }[mode];
  const what = instances.length === 1 ? "instance" : "instances";
  const count = `${of("obeyed").length} of ${instances.length} ${what} ${does}`;
  const rest = ["silent", "pending"].flatMap((state) =>
    of(state).length > 0 ? [`${state}: ${listWords(of(state).map(({ instance }) => instance))}`] : [],
  );
  return [count, ...rest].join("; ");
}

function listWords(names) {
  const more = names.length - MOST_NAMES;
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(", ")} and ${more} more` : names.join(", ");
}

/**
 * What one instance does, in words.
 *
 * @param {Instance} instance
 * @param {Mode} mode what the chosen scope may do
 */
export function instanceWords({ state, running = {}, seenAt }, mode, now = Date.now()) {
  if (state === "obeyed") return mode === "running" ? "up to date" : "has obeyed";
  if (state === "silent") return `silent since ${localTime(seenAt, { seconds: true, now })}`;
  const still = Object.entries(running).map(([type, count]) => `${count} ${type}`);
  return still.length > 0 ? `pending: still running ${still.join(", ")}` : "pending: has not obeyed yet";
}

/**
 * The kinds of entries of the log that are orders, as they are said; null for all others.
 *
 * @param {{ kind: string, mode?: string }} entry
 */
export function orderKindWords({ kind, mode }) {
  const words = new Map([
    ["kill", mode === "read-only" ? "Read-only" : "Stopped"],
    ["release", "Let act again"],
    ["trip", "Breaker: read-only"],
    ["expired", "Ended by itself"],
  ]);
  return words.get(kind) ?? null;
}

/**
 * What became of an order, for its answer.
 *
 * @param {{ scope: string, mode: Mode, at: string, by: string, epoch: number, durable: boolean, covering?: Order[] }} answer
 * @param {"stopped" | "read-only" | "release"} asked
 */
export function answerWords(answer, asked, now = Date.now()) {
  const name = nameOf(answer.scope);
  const when = `at ${localTime(answer.at, { seconds: true, now })} by ${answer.by} (order ${answer.epoch})`;
  const done = {
    stopped: `Stopped ${name} ${when}.`,
    "read-only": `Set ${name} to read-only ${when}.`,
    release: `Let ${name} act again ${when}.`,
  }[asked];
  const held = (answer.covering ?? []).filter(({ scope }) => scope !== answer.scope).map(({ scope }) => nameOf(scope));
  const asAsked = asked === "release" ? answer.mode === "running" : answer.mode === asked;
  const still = asAsked
    ? ""
    : ` It is ${MODES[answer.mode]}${held.length > 0 ? ` by the order on ${[...new Set(held)].join(", ")}` : ""}.`;
  const lost = answer.durable
    ? ""
    : " In force, but NOT saved: a restart of the service would lose it. Make room on its disk, then give the order again.";
  return `${done}${still}${lost}`;
}

/**
 * That the answer is to an order given before, which somebody has undone since; null where what was asked holds.
 *
 * @param {{ scope: string, mode: Mode, epoch: number, replayed?: boolean }} answer
 * @param {"stopped" | "read-only" | "release"} asked
 */
export function undoneWords({ scope, mode, epoch, replayed }, asked) {
  const isLooser = asked === "stopped" ? mode !== "stopped" : asked === "read-only" && mode === "running";
  if (replayed !== true || !isLooser) return null;
  const name = nameOf(scope);
  const verb = name === "all agents" ? "are" : "is";
  const again = asked === "stopped" ? `stop ${name}` : `set ${name} to read-only`;
  return `${name} ${verb} ${MODES[mode]}: order ${epoch} arrived, but somebody released it meanwhile. Press again to ${again}.`;
}

/**
 * What went wrong, and what to do.
 *
 * @param {number} status
 * @param {{ error?: string } | null} body
 */
export function refusalWords(status, body) {
  const said = body?.error ?? `the service answered ${status}`;
  const next = {
    403: "Sign in with a token that has the role.",
    409: "Something changed meanwhile: look at the state, then decide again.",
    429: "Wait, then try again.",
    507: "The service cannot write to its disk: nothing was let loose. Make room, then try again.",
  }[status];
  return `Not done: ${said}${/[.!?]$/.test(said) ? "" : "."}${next === undefined ? "" : ` ${next}`}`;
}

export const NO_ANSWER =
  "No answer from the service: the order may stand or not. Press again; it stays one order. " +
  "If it goes on: clawproof kill on the command line, or stop the agents where they run.";
