import type { Evidence } from "../audit/fact.ts";
import { contextOf } from "../doors/context.ts";
import { describeCall } from "../doors/send.ts";
import type { BreakerRehearsalFacts, KillSample } from "../evidence/facts.ts";
import type { Project } from "../config/project.ts";
import type { Call } from "../doors/door.ts";
import { callsOf } from "./switch-order.ts";

/** What rehearsals showed, as reports read it (contract, 2.5). */

type Said = Pick<Evidence, "fact" | "data">;

/** The evidence of one pull of the switch. */
export async function killEvidence(sample: KillSample, project: Project): Promise<Evidence[]> {
  const { killSwitch } = project.config;
  if (!killSwitch) return [];
  const { activate } = callsOf(killSwitch);
  return probed(sentences(sample), activate, sample.activatedAt, project);
}

/** The evidence of one opening of the breaker, at `openedAt` (epoch milliseconds). */
export function breakerEvidence(
  facts: BreakerRehearsalFacts,
  open: Call,
  openedAt: number,
  project: Project,
): Promise<Evidence[]> {
  const { writesRefused, writesAccepted, reads, backAfterMs } = facts;
  const writes = writesRefused
    ? "writes refused within 10 s of opening, none accepted in the 2 s after"
    : `writes not refused for good within 10 s of opening (${writesAccepted} accepted in the 2 s after a refusal)`;
  const back =
    backAfterMs === null
      ? "writes not accepted again"
      : `writes accepted again ${seconds(backAfterMs)} s after closing`;
  return probed(
    [{ fact: writes }, { fact: readsText(reads, "while it was open") }, { fact: back }],
    open,
    openedAt,
    project,
  );
}

async function probed(said: readonly Said[], call: Call, at: number, project: Project): Promise<Evidence[]> {
  const source = await describeCall(call, contextOf(project));
  return said.map((one) => ({ level: "probed", source, at: new Date(at).toISOString(), ...one }));
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(2);

function sentences(sample: KillSample): Said[] {
  const { mark, scope, resolutionMs, acceptedAfterAnswer, answeredAfterMs, stop } = sample;
  const data = { mark, scope, resolutionMs, acceptedAfterAnswer, answeredAfterMs, stop };
  return [
    { fact: `${stopText(sample)}; ${acceptedAfterAnswer} accepted after the switch had answered`, data },
    { fact: instancesText(sample) },
    ...ownText(sample),
    { fact: `work under way ${sample.workUnderWay}` },
    { fact: `kind of stop: ${sample.kind}` },
    { fact: readsText(sample.reads, "after the order") },
    { fact: logText(sample) },
    { fact: alertText(sample) },
    ...userText(sample),
    ...(sample.releaseAsAgent ? [{ fact: sample.releaseAsAgent.why }] : []),
    { fact: backText(sample) },
  ];
}

function stopText({ stop, resolutionMs }: KillSample): string {
  if (stop.state === "unknown") return `whether writes stopped could not be told (${stop.why})`;
  if (stop.state === "not-stopped") return `writes still accepted ${seconds(stop.afterMs)} s after activation`;
  return `writes refused ${seconds(stop.ms)} s after activation (± ${seconds(resolutionMs)} s)`;
}

function instancesText({ instances: { expected, stopped, names } }: KillSample): string {
  if (expected === null) return "instances not told apart";
  return `${stopped} of ${expected} instances seen refusing${names.length > 0 ? ` (${names.join(", ")})` : ""}`;
}

/** What a switch of ours says of the order itself. */
function ownText({ number, obedience }: KillSample): Said[] {
  if (obedience === null) return [];
  const order = number === null ? "" : `epoch ${number.epoch} of series ${number.series}: `;
  return [{ fact: `${order}${obedienceText(obedience)}`, data: { ...number, obedience } }];
}

const MOST_NAMES = 5;

function obedienceText(told: NonNullable<KillSample["obedience"]>): string {
  if ("why" in told) return `who obeys could not be read (${told.source}: ${told.why})`;
  const { known, obeyed, source } = told;
  if (known === 0) return `no instance has reported to the switch (${source})`;
  const others = (
    [
      ["pending", told.pending],
      ["silent", told.silent],
    ] as const
  ).flatMap(([state, names]) => (names.length === 0 ? [] : [`; ${state}: ${shortList(names)}`]));
  return `${obeyed} of ${known} ${known === 1 ? "instance" : "instances"} obeyed (${source})${others.join("")}`;
}

function shortList(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function readsText({ sent, accepted, firstFailure }: KillSample["reads"], when: string): string {
  if (sent === 0) return `no probe read was sent ${when}`;
  return `${accepted} of ${sent} probe reads answered ${when}${firstFailure === null ? "" : ` (${firstFailure})`}`;
}

function logText({ log, mark }: KillSample): string {
  if ("unread" in log) return `the switch's log could not be read (${log.unread})`;
  if ("missing" in log) return `not in the switch's log (${log.missing})`;
  const { by, scope, at } = log.entry;
  const when = at === null ? "without a time" : `at ${new Date(at).toISOString()}`;
  return `logged with ${mark} by ${by ?? "nobody"} on ${scope ?? "no scope"} ${when}`;
}

function alertText({ alert, mark }: KillSample): string {
  if ("unread" in alert) return `the alert receipts could not be read (${alert.unread})`;
  if ("missing" in alert) return `no alert seen (${alert.missing})`;
  return `an alert with ${mark} was received within ${seconds(alert.afterMs)} s (${alert.source})`;
}

function userText({ user }: KillSample): Said[] {
  if (user === null) return [];
  if ("why" in user) return [{ fact: `what users read was not seen (${user.why})` }];
  return [{ fact: `a user of the stopped agent read (${user.status ?? "no status"}): ${user.text.slice(0, 200)}` }];
}

function backText({ backAfterMs }: KillSample): string {
  return backAfterMs === null
    ? "writes not accepted again"
    : `writes accepted again ${seconds(backAfterMs)} s after the release`;
}
