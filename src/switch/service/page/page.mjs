import { OrderDialog } from "./page-dialog.mjs";
import { Live } from "./page-live.mjs";
import { byId, say, setText, show } from "./page-view.mjs";
import { NoAnswer, request } from "./page-wire.mjs";
import { MODES, nameOf, ordersOver, parseScope, strictest } from "./page-words.mjs";

/** The page: who is signed in, which scope is chosen, and what the buttons do. */

const OVER = "You were signed out: the token was revoked, or twelve hours are over. Sign in again.";
const NOT_ENDED = "The service did not end the session: it may last twelve hours more. Reload, and sign out again.";

const asked = new URL(location.href).searchParams.get("scope");
const model = {
  me: null,
  live: null,
  /** The chosen scope; "" where what is written is none. */
  scope: asked === null ? "*" : parseScope(asked) === null ? "" : asked,
  isOther: asked !== null && parseScope(asked) === null,
};
const dialog = new OrderDialog(answered);

function render() {
  if (model.live === null) return;
  show(model, { release: askRelease, choose });
  const name = model.scope === "" ? "…" : nameOf(model.scope);
  const own = (model.live.standing?.orders ?? []).find(
    ({ scope, cause }) => scope === model.scope && cause === "person",
  );
  const isLost = model.live.connection === "lost";
  const isStopped = own?.mode === "stopped" && !isLost;
  button("stop", isStopped ? `${name} ${name === "all agents" ? "are" : "is"} stopped` : `Stop ${name}`, isStopped);
  button("read-only", "Read-only", model.scope === "");
  byId("read-only").setAttribute("aria-label", `Set ${name} to read-only`);
  byId("read-only").hidden =
    own?.mode === "read-only" || (own?.mode === "stopped" && !model.me.roles.includes("release"));
}

/** A button that can do nothing now stays where it is, and keeps the focus. */
function button(id, text, isIdle) {
  setText(id, text);
  byId(id).setAttribute("aria-disabled", String(isIdle || model.scope === ""));
}

function choose(scope, isOther = false) {
  model.scope = scope;
  model.isOther = isOther;
  history.replaceState(null, "", scope === "*" || scope === "" ? "/" : `/?scope=${encodeURIComponent(scope)}`);
  if (scope !== "") model.live.look(scope);
  render();
}

function written() {
  const text = byId("other-scope").value.trim();
  const scope = text === "all" ? "*" : text;
  const isScope = parseScope(scope) !== null;
  const why =
    "This is no scope. Write AGENT, AGENT@VERSION or AGENT/TYPE; names have letters, digits, '.', '_' and '-'.";
  setText("other-error", isScope || text === "" ? "" : why);
  choose(isScope ? scope : "", true);
}

function askStop(mode) {
  const { live, scope } = model;
  if (scope === "") return byId(model.isOther ? "other-scope" : "scope").focus();
  const isUnheard = live.standing !== null && live.fleetFailed === null && live.instances.length === 0 && scope !== "*";
  const warning = isUnheard
    ? `No instance has reported for ${scope}. Check the name; the order stands all the same.`
    : null;
  dialog.open(mode, scope, { warning });
}

function askRelease(scope) {
  const orders = model.live.standing.orders;
  const own = orders.filter((order) => order.scope === scope);
  const wider = ordersOver(orders, scope).covering.filter((order) => order.scope !== scope);
  const ends = own.map(({ mode, by, reason }) => `${MODES[mode]} by ${by} — ${reason}`);
  const text = `This ends: ${ends.join("; and ")}.`;
  const by = [...new Set(wider.map((order) => nameOf(order.scope)))].join(", ");
  const warning = wider.length > 0 ? `It stays ${MODES[strictest(wider)]} by the order on ${by}.` : null;
  dialog.open("release", scope, { text, warning, ifEpoch: Math.max(...own.map(({ epoch }) => epoch)) });
}

function answered({ words, isGood, signedOut }) {
  if (signedOut) return signOut(OVER);
  setText("outcome-words", words);
  byId("outcome").classList.toggle("bad", !isGood);
  byId("outcome").hidden = false;
  if (byId("state").getBoundingClientRect().top < 0) byId("state").scrollIntoView();
  model.live?.refresh();
}

async function signedIn() {
  const { status, body } = await request("GET", "/v1/whoami");
  if (status === 401) return signOut(OVER);
  if (status !== 200) throw new NoAnswer(body?.error);
  model.me = body;
  model.live = new Live({ onChange: render, onSignedOut: () => signOut(OVER) });
  model.live.look(model.scope || "*");
  setText("who", `${body.name} (${body.roles.join(", ")})`);
  byId("signed-in-as").hidden = byId("signed-in").hidden = false;
  byId("signed-out").hidden = true;
  const mayKill = body.roles.includes("kill");
  byId("actions").hidden = !mayKill;
  const may = body.roles.includes("release")
    ? "let agents act again, but not stop them"
    : "look, but not stop anything";
  say("may-not", mayKill ? "" : `Your token may ${may}. To stop, sign in with one that has the role kill.`);
  model.live.start();
  if (model.isOther) {
    byId("other-scope").value = asked ?? "";
    written();
  }
  render();
}

/** Shows the form, and forgets what was known. */
function signOut(why = "") {
  model.live?.pause();
  model.live = null;
  dialog.close();
  document.title = byId("service").textContent;
  byId("signed-in-as").hidden = byId("signed-in").hidden = byId("outcome").hidden = true;
  byId("signed-out").hidden = false;
  say("connection", "");
  say("signed-out-why", why);
  byId("token").focus();
}

byId("sign-in").onsubmit = async (event) => {
  event.preventDefault();
  const token = byId("token").value.trim();
  if (token === "") return setText("sign-in-error", "Paste your token.");
  setText("sign-in-error", "");
  byId("sign-in-button").disabled = true;
  try {
    const { status, body } = await request("POST", "/session", { body: { token } });
    if (status !== 200)
      return setText("sign-in-error", `Not signed in: ${body?.error ?? `the service answered ${status}`}.`);
    byId("token").value = "";
    await signedIn();
    byId("state-heading").focus();
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    setText("sign-in-error", "No answer from the service. Try again, or use clawproof kill on the command line.");
  } finally {
    byId("sign-in-button").disabled = false;
  }
};

byId("sign-out").onclick = async () => {
  const answer = await request("DELETE", "/session").catch(() => null);
  signOut(answer?.status === 204 ? "" : NOT_ENDED);
};

byId("scope").onchange = ({ target }) => {
  if (target.value !== "") return choose(target.value);
  byId("other-scope").value = "";
  setText("other-error", "");
  choose("", true);
  byId("other-scope").focus();
};
byId("other-scope").oninput = written;
byId("outcome-close").onclick = () => (byId("outcome").hidden = true);
for (const [id, mode] of [
  ["stop", "stopped"],
  ["read-only", "read-only"],
])
  byId(id).onclick = ({ currentTarget }) => currentTarget.ariaDisabled !== "true" && askStop(mode);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) model.live?.pause();
  else model.live?.start();
});

if (document.documentElement.dataset.signedIn === "yes") {
  const start = () =>
    signedIn().catch((error) => {
      if (!(error instanceof NoAnswer)) throw error;
      say("connection", "No answer from the service; trying again. Meanwhile: clawproof kill on the command line.");
      setTimeout(start, 2_000);
    });
  await start();
} else signOut();
