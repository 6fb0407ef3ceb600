import {
  MODES,
  instanceWords,
  localTime,
  nameOf,
  narrowerOrders,
  obedienceWords,
  orderKindWords,
  ordersOver,
  shownText,
  sinceWords,
  strictest,
} from "./page-words.mjs";

/** Shows what is known. Every text goes in as text, never as markup; what did not change is left alone. */

const MOST_INSTANCES = 60;
const OTHER = "";

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; a child that is a string becomes text. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.map((child) => (typeof child === "string" ? shownText(child) : child)));
  return made;
}

/** Sets a text where it differs, so that nothing is announced twice. */
export function setText(id, given) {
  const text = shownText(given);
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

/** Shows a text; hides its place where there is none. */
export function say(id, text) {
  setText(id, text ?? "");
  byId(id).hidden = !text;
}

const drawn = new Map();

/** Draws a list anew only where what it shows has changed: buttons in it keep the focus. */
function fill(id, items, draw) {
  const now = new Date().toDateString() + JSON.stringify(items);
  if (drawn.get(id) === now) return;
  drawn.set(id, now);
  byId(id).replaceChildren(...items.map((item) => draw(...[item].flat())));
}

function time(at, options) {
  return element("time", { dateTime: at, title: at }, localTime(at, options));
}

function badge(mode) {
  const made = element("span", { className: "badge" }, MODES[mode]);
  made.dataset.mode = mode;
  return made;
}

/**
 * @param {{ live: import("./page-live.mjs").Live, scope: string, me: { roles: string[] } }} model
 * @param {{ release(scope: string): void, choose(scope: string): void }} acts
 */
export function show(model, acts) {
  showConnection(model.live);
  showChoices(model);
  const mode = showState(model, acts);
  showInstances(model.live, mode);
  showOrders(model.live);
}

function showConnection({ connection, heardAt, otherSeries }) {
  const from =
    heardAt === 0 ? "nothing was heard yet" : `what you see is from ${localTime(heardAt, { seconds: true })}`;
  const words = {
    live: "",
    asked: `Live connection lost, asking every 2 seconds: ${from}.`,
    lost: `Connection lost: ${from}. The stop button still tries.`,
  }[connection];
  const other = "The service now answers from another data file: what you see is the old one's. Reload this page.";
  say("connection", otherSeries ? other : words);
  byId("connection").classList.toggle("mild", connection === "asked" && !otherSeries);
}

/** The scope chooser: all agents, those that were heard of, scopes of orders, and any other in free text. */
function showChoices({ live, scope, isOther }) {
  const known = new Set([...live.agents, ...(live.standing?.orders ?? []).map((order) => order.scope)]);
  if (scope !== "" && !isOther) known.add(scope);
  known.delete("*");
  const names = [...known].sort((one, other) => (one < other ? -1 : 1));
  fill("scope", ["*", ...names, OTHER], (value) =>
    element("option", { value }, value === "*" ? "All agents" : value === OTHER ? "Another scope…" : value),
  );
  byId("scope").value = isOther ? OTHER : scope;
  byId("other").hidden = !isOther;
}

/** Gives the mode of the chosen scope. */
function showState({ live, scope, me }, acts) {
  const orders = live.standing?.orders ?? [];
  const { covering, elsewhere } = ordersOver(orders, scope);
  const isKnown = live.standing !== null && scope !== "";
  const mode = strictest(covering);
  byId("state").dataset.mode = isKnown ? mode : "unknown";
  const unknown = scope === "" ? "No scope chosen" : "Asking the service…";
  setText("subject", scope === "*" ? "All agents" : scope);
  setText("mode", isKnown ? MODES[mode] : unknown);
  const service = byId("service").textContent;
  document.title = isKnown && mode !== "running" ? `${MODES[mode]} ${nameOf(scope)} · ${service}` : service;
  fill("covering", isKnown ? covering.map((order) => [order, order.scope === scope]) : [], (order, isOwn) =>
    element(
      "li",
      {},
      ...(covering.length > 1 ? [`${MODES[order.mode]} `] : []),
      ...(isOwn ? [] : [`by the order on ${nameOf(order.scope)}, `]),
      sinceWords(order),
    ),
  );
  const held = [...new Set(narrowerOrders(elsewhere, scope).map((order) => order.scope))].join(", ");
  setText("exceptions", isKnown && held !== "" && mode !== "stopped" ? `Except ${held}: see “Also held back”.` : "");
  setText("obedience", isKnown && live.fleetAt > 0 ? obedienceWords(live.instances, mode) : "");
  const mayRelease = me.roles.includes("release");
  fill("releases", mayRelease && isKnown ? [...new Set(covering.map((order) => order.scope))] : [], (held) =>
    element(
      "button",
      { type: "button", className: "release", onclick: () => acts.release(held) },
      `Let ${nameOf(held)} act again`,
    ),
  );
  showElsewhere(elsewhere, acts);
  return mode;
}

function showElsewhere(elsewhere, acts) {
  byId("elsewhere").hidden = elsewhere.length === 0;
  fill("elsewhere-list", elsewhere, (order) =>
    element(
      "li",
      {},
      element("div", {}, element("strong", {}, nameOf(order.scope)), " ", badge(order.mode)),
      element("p", {}, sinceWords(order)),
      element(
        "button",
        { type: "button", className: "quiet", onclick: () => acts.choose(order.scope) },
        `Show ${nameOf(order.scope)}`,
      ),
    ),
  );
}

function showInstances({ instances, fleetFailed, fleetAt }, mode) {
  const order = ["silent", "pending", "obeyed"];
  const sorted = [...instances].sort(
    (one, other) => order.indexOf(one.state) - order.indexOf(other.state) || (one.instance < other.instance ? -1 : 1),
  );
  const shown = sorted.slice(0, MOST_INSTANCES);
  const more = sorted.length - shown.length;
  const cut = more > 0 ? `${more} more are not listed; those that have not obeyed stand first.` : null;
  const none = instances.length === 0 ? "None has reported for this scope." : null;
  const old = fleetAt === 0 ? "Not known" : `Old, from ${localTime(fleetAt, { seconds: true })}`;
  say(
    "instances-note",
    fleetFailed ? `${old}: ${fleetFailed}.` : fleetAt === 0 ? "Asking the service…" : (cut ?? none),
  );
  fill(
    "instances",
    shown.map((one) => ({ ...one, words: instanceWords(one, mode), seenAt: undefined, counts: undefined })),
    ({ instance, agent, version, state, words }) => {
      const row = element(
        "li",
        {},
        element("div", {}, element("strong", {}, instance), ` ${agent}${version ? ` ${version}` : ""}`),
        element("p", {}, words),
      );
      row.dataset.state = state;
      return row;
    },
  );
}

function showOrders({ orders, ordersFailed }) {
  say("orders-note", ordersFailed ? `Not known: ${ordersFailed}.` : orders.length === 0 ? "None yet." : null);
  fill("orders", orders, (entry) =>
    element(
      "li",
      {},
      element(
        "div",
        {},
        time(entry.at, { seconds: true }),
        " ",
        element("strong", {}, `${orderKindWords(entry)}: ${nameOf(entry.scope ?? "")}`),
      ),
      element("p", {}, `${entry.by}${entry.reason ? ` — ${entry.reason}` : ""}`),
    ),
  );
}
