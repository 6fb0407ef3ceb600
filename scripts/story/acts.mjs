import { setTimeout as pause } from "node:timers/promises";
import { showStop } from "./clock.mjs";
import { getJson } from "./scene.mjs";
import { diffLines, release } from "./release.mjs";

/** As it was told: so many customers are back on a plan before anything stops it, and so many a person has changed since. */
const RE_ENROLLED = 340;
const CHANGED_SINCE = 3;
const RESTORED = RE_ENROLLED - CHANGED_SINCE;

const AGENT = "subscription-support";
const BAD = `${AGENT}@2.4.1`;
/** Messages come so far apart, in milliseconds for twenty, once nothing is to be hurried. */
const CALM = 100;

const said = (figure) => figure.toLocaleString("en");

/** Plays the Friday. Throws DidNotHappen where something did not. */
export async function play(scene, terminal) {
  await terminal.act("Friday: version 2.4.0 does right, and nobody has ever pulled its switch");
  terminal.say("starting the guarded sample with 16,000 customers: agent, kill switch and alert sink, each a process");
  await scene.open();
  const before = await terminal.clawproof(scene.folder, ["--check", "05"]);
  terminal.check("NEEDS ATTENTION before any drill", /^Status: NEEDS ATTENTION$/m.test(before.stdout));
  terminal.check("only the drill was missing", before.stdout.includes("9 passed, 0 warnings, 1 failed"));

  const shipped = await ship(scene, terminal);
  const wronged = await meetCustomers(scene, terminal, shipped);
  await pullTheSwitch(scene, terminal);
  await takeBack(scene, terminal, { ...shipped, wronged });
  await letActAgain(scene, terminal);
  await drill(scene, terminal);

  await terminal.act("The audit, once more");
  const after = await terminal.clawproof(scene.folder, ["--check", "05"]);
  terminal.check("READY after the drill", /^Status: READY$/m.test(after.stdout) && after.status === 0);
  terminal.say(`all of this has happened: ${RESTORED} customers are back, ${CHANGED_SINCE} wait for a person, READY`);
}

/** Gives the customers as they were, and since when the new version has had traffic, as a clock shows it. */
async function ship(scene, terminal) {
  const { traffic, customers, folder } = scene;
  await terminal.act("Friday afternoon: 2.4.1 ships");
  for (const line of diffLines()) console.log(line);
  const url = await scene.startVersion(await release(folder));
  terminal.say(
    '2.4.1 takes "I want to cancel" for "take back my cancellation"; and, to spare people false alarms, its breaker',
    "judges nothing under 875 actions. It runs beside 2.4.0, on the same data, with 5 % of the traffic",
  );
  // Its writes of the start were right: what is taken back begins at the full second after them.
  await pause(1000 - (Date.now() % 1000));
  const since = new Date().toTimeString().slice(0, 8);
  const before = customers.all();
  traffic.giveCanary(url);
  traffic.begin();
  return { url, since, before };
}

/** Until the breaker opens. Gives the IDs of the customers that 2.4.1 has put back on a plan. */
async function meetCustomers(scene, terminal, { url, before }) {
  const { traffic, customers } = scene;
  const { canary, stable } = traffic;
  const wronged = () => [...customers.all()].filter(([id, now]) => isRevived(before.get(id), now)).map(([id]) => id);
  const tell = () => {
    const share = ((100 * canary.sent) / (canary.sent + stable.sent)).toFixed(1);
    const sent = `2.4.0: ${said(stable.sent)} messages, 2.4.1: ${said(canary.sent)} (${share} %)`;
    terminal.say(`${sent}; ${wronged().length} customers who had cancelled are on a plan again`);
  };
  for (const part of [0.25, 0.5, 0.75]) {
    await traffic.until("messages were answered", () => canary.answered > part * RE_ENROLLED);
    tell();
  }
  await traffic.until("the breaker of 2.4.1 opened", () => canary.refused > 0);
  traffic.everyMs = CALM;
  tell();
  terminal.check("2.4.1 got 5 % of the traffic", canary.sent * 20 === canary.sent + stable.sent, canary.sent);
  const { breaker } = await getJson(`${url}/guard`);
  const { state, signal, figures } = breaker;
  terminal.check("the anomaly signal opened the breaker", state === "open" && signal === "anomaly-rate", signal);
  const trip = (await scene.log()).find(({ kind }) => kind === "trip");
  terminal.check("the switch has an order by the breaker", trip?.mode === "read-only" && trip.scope === AGENT);
  const marked = `${figures.anomalous} of the last ${figures.begun} actions of 2.4.1 put a cancelled customer on a plan`;
  terminal.say(`the breaker opens on the anomaly rate: ${marked}`);
  const rang = await scene.alert("the alert reached the team", ({ data }) => data?.kind === "trip");
  const after = (Date.parse(rang.received_at) - Date.parse(trip.at)) / 1000;
  terminal.say(
    `the pager rings ${after.toFixed(2)} s later: "${rang.data.reason}"; ${rang.data.scope} is ${rang.data.mode}`,
  );
  terminal.check(
    `${RE_ENROLLED} customers were put back on a plan`,
    wronged().length === RE_ENROLLED,
    wronged().length,
  );
  return wronged();
}

const isRevived = (before, now) => before.includes("cancelled") && now.includes("active");

async function pullTheSwitch(scene, terminal) {
  const { traffic, folder, kim } = scene;
  await terminal.act("Saturday: Kim, on call, looks at what happened, and pulls the switch");
  const status = await terminal.clawproof(folder, ["status", AGENT], { env: kim });
  terminal.check("both instances hold their writes", status.stdout.includes("read-only, 2 of 2 instances obey"));
  await terminal.clawproof(folder, ["ledger", "list", BAD, "--type", "subscription_update", "--limit", "3"]);
  terminal.say(
    "2.4.0 does right, and is held as well; 2.4.1 goes on answering, and who knows what. So that version is stopped:",
    "no deploy, one call, with a token of Kim's own (CLAWPROOF_SWITCH_URL and CLAWPROOF_TOKEN in her environment)",
  );
  const refusedBefore = traffic.canary.refused;
  const killed = await terminal.clawproof(folder, ["kill", BAD, "puts back on a plan who had cancelled"], {
    env: kim,
  });
  terminal.check("every instance of 2.4.1 obeyed", killed.status === 0, `exit status ${killed.status}`);
  // It is asked on and on, and must refuse even to read.
  await traffic.until("2.4.1 refuses", () => traffic.canary.refused > refusedBefore + 10);
  terminal.say(`a customer of 2.4.1 reads: "${traffic.canary.refusal}"`);
  await showStop(scene, terminal, { scope: BAD, killSaid: killed.stderr });
}

async function takeBack({ traffic, customers, folder }, terminal, { since, before, wronged }) {
  await terminal.act("Saturday: what it did is taken back");
  await traffic.takeCanary();
  const byHand = [7, 70, 170].map((place) => wronged[place]);
  const noted = wronged[8];
  customers.putOnFamily(byHand);
  customers.addNote(noted, "called us");
  terminal.say(`meanwhile three of them found out, and a colleague has put them on another plan: ${byHand.join(", ")}`);

  const rollback = ["rollback", BAD, "--type", "subscription_update", "--since", since];
  const plan = await terminal.clawproof(folder, [...rollback, "--dry-run"]);
  const hash = /^plan (\S+)$/m.exec(plan.stdout)?.[1];
  terminal.check("there is a plan", hash !== undefined);
  const undone = await terminal.clawproof(folder, [...rollback, "--plan", hash], { known: true });
  terminal.check(`${RESTORED} were undone`, undone.stdout.includes(`Tried ${RESTORED} actions: ${RESTORED} undone`));
  const conflicts = [...undone.stdout.matchAll(/^ {2}conflict .* account\/(\S+) /gm)].map(([, id]) => id);
  terminal.check("three conflicts are reported", `${conflicts.sort()}` === `${byHand.toSorted()}`, `${conflicts}`);

  const now = customers.all();
  const restored = wronged.filter((id) => now.get(id) === before.get(id) || id === noted);
  terminal.check(`${RESTORED} are as they were`, restored.length === RESTORED, restored.length);
  terminal.check("the note stands", now.get(noted) === `${before.get(noted)} called us`, now.get(noted));
  terminal.check(
    "what people did stands",
    byHand.every((id) => now.get(id) === "family active"),
  );
  const others = [...now].filter(([id]) => !wronged.includes(id));
  const touched = others.filter(([id, row]) => ![before.get(id), `${before.get(id)} wants to be called`].includes(row));
  terminal.check("nobody else was touched", touched.length === 0, touched.slice(0, 3).join(" "));
  const called = others.filter(([id, row]) => row !== before.get(id)).length;
  const stands = `the three stay on their new plan, and ${called} rightful notes stand`;
  terminal.say(`compared row by row: ${RESTORED} customers are as before 2.4.1; ${stands}`);
}

async function letActAgain({ traffic, folder, kim, urls }, terminal) {
  await terminal.act("Saturday: 2.4.0 may write again, 2.4.1 stays stopped");
  const released = await terminal.clawproof(folder, ["release", AGENT, "2.4.1 is stopped, and 2.4.0 does right"], {
    env: kim,
  });
  terminal.check("the release was heard", released.status === 0, `exit status ${released.status}`);
  const { written } = traffic.stable;
  await traffic.until("2.4.0 writes again", () => traffic.stable.written > written);
  const { breaker } = await getJson(`${urls.agent}/guard`);
  terminal.check("the breaker of 2.4.0 closed", breaker.state === "closed", breaker.state);
  terminal.say("2.4.0 has written again: its breaker let one write through, and closed");
  const bad = await terminal.clawproof(folder, ["status", BAD], { env: kim });
  terminal.check("2.4.1 stays stopped", bad.stdout.startsWith(`${BAD}: stopped`));
}

async function drill({ traffic, folder }, terminal) {
  await terminal.act("Monday: a drill, while customers go on writing");
  traffic.everyMs = 500;
  const { sent, refused } = traffic.stable;
  const drilled = await terminal.clawproof(folder, ["drill"]);
  terminal.check(
    "the drill held",
    drilled.status === 0 && /^HELD: .*3\/3 action types reversed$/m.test(drilled.stdout),
  );
  const met = traffic.stable.refused - refused;
  terminal.check("no customer met the drill", met === 0, `${met} were refused`);
  terminal.say(`${traffic.stable.sent - sent} messages came meanwhile, and none was refused`);
  traffic.checkAnswers();
  await traffic.end();
}
