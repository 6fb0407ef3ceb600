import type { Evidence } from "../audit/fact.ts";
import type { Entry } from "../ledger/record.ts";
import { openWorkshop, type Workshop } from "../rollback/configured.ts";
import { Looking } from "../rollback/looking.ts";
import { planActions, type PlanInput } from "../rollback/plan.ts";
import type { Step } from "../rollback/step.ts";
import type { ScriptFacts } from "./facts.ts";
import type { Gathering } from "./gathering.ts";
import { newestWrite, type OpenLedger, withLedger } from "./ledger.ts";
import { type AskableHandlers, askable } from "./ledger-kept.ts";
import { databaseUrl } from "./records-tables.ts";
import { writeTypes } from "./script-traces.ts";

/** What a plan showed of one type. `seen`: its handler was found and what it looks at was looked at. */
type Shown = { type: string; fact: string } & (
  { state: "seen" } | { state: "unseen"; why: string } | { state: "none" } | { state: "by hand" }
);

/**
 * What `clawproof rollback` could take back: a real plan for the newest write of each type, made as `--dry-run` makes it,
 * through connections that only read. Nothing is claimed, undone or written. Throws DatabaseFailed, MissingSecret, Unfilled.
 */
export function coverageOfLedger(gathering: Gathering): Promise<{ facts: ScriptFacts; evidence: Evidence[] }> {
  gathering.progress.show("planning what the ledger could take back");
  return withLedger(gathering, async (ledger) => {
    const { project, signal, clock } = gathering;
    const handlers = askable(await ledger.reading.handlers());
    const fillUrl = (text: string): Promise<string> => databaseUrl(gathering, text);
    const workshop = await openWorkshop({ project, kept: handlers.kept, fillUrl, readOnly: true, signal });
    try {
      const shown = await planNewest(gathering, ledger, { workshop, handlers });
      const at = new Date(clock.now()).toISOString();
      const probed = (fact: string): Evidence => ({
        level: "probed",
        source: ledger.shown,
        fact: project.secrets.redact(fact),
        at,
      });
      const facts = shown.map(({ fact }) => fact);
      const guard = workshop.guardFailed === null ? [] : [`rollback.guard: ${workshop.guardFailed}`];
      return {
        facts: factsFrom(shown, (text) => project.secrets.redact(text)),
        evidence: [...facts, ...guard].map(probed),
      };
    } finally {
      await workshop.close();
    }
  });
}

function factsFrom(shown: readonly Shown[], redact: (text: string) => string): ScriptFacts {
  const typesIn = (...states: Shown["state"][]): string[] =>
    shown.filter(({ state }) => states.includes(state)).map(({ type }) => type);
  const unseen = shown.flatMap((one) => (one.state === "unseen" ? [{ type: one.type, why: redact(one.why) }] : []));
  return {
    by: "ledger",
    listed: { types: typesIn("seen", "unseen") },
    takesTrace: true,
    takesWindow: true,
    dryRun: { state: "seen", types: typesIn("seen"), runs: shown.map(({ fact }) => redact(fact)), unseen },
  };
}

interface Tools {
  workshop: Workshop;
  handlers: AskableHandlers;
}

async function planNewest(gathering: Gathering, ledger: OpenLedger, tools: Tools): Promise<Shown[]> {
  const types = writeTypes(gathering);
  const newest = new Map<string, string>();
  for (const type of types) {
    const write = await newestWrite(ledger, type);
    if (write !== null) newest.set(write.id, type);
  }
  const entries: Entry[] = [];
  for await (const entry of ledger.reading.entries({ ids: [...newest.keys()] })) entries.push(entry);
  const { handlers, sessions } = tools.workshop;
  const inputs = await new Looking(handlers, sessions).inputs(entries);
  const steps = planActions(inputs, { now: gathering.clock.now(), forced: new Set() });
  const shown = new Map<string, Shown>();
  for (const [index, step] of steps.entries()) {
    const input = inputs[index];
    const type = newest.get(step.id);
    if (input && type !== undefined) shown.set(type, await shownBy(type, input, step, tools));
  }
  const known = handlers.typesOf(ledger.agent);
  return types.map((type) => shown.get(type) ?? unrecorded(type, known.has(type)));
}

function unrecorded(type: string, isKnown: boolean): Shown {
  const fact = `${type}: no record of one that was done, so nothing can be planned`;
  return isKnown ? { type, fact, state: "unseen", why: `${type} has no records yet` } : { type, fact, state: "none" };
}

async function shownBy(type: string, { entry, seen }: PlanInput, step: Step, tools: Tools): Promise<Shown> {
  const on = `${type} (record ${step.id})`;
  if (entry.damaged) return { type, fact: `${on}: ${step.why}`, state: "unseen", why: `${type}: ${step.why}` };
  const { record } = entry;
  const handler = await tools.workshop.handlers.for(record);
  if (handler === null) {
    const { agent, version } = record;
    if (tools.handlers.leftOut.some((one) => one.agent === agent && one.version === version && one.type === type)) {
      const why = `${type}'s undo is a module that only the ledger names; name it under rollback.undo`;
      return { type, fact: `${on}: ${why}`, state: "unseen", why };
    }
    if (step.kind === "irreversible") return { type, fact: `${on}: irreversible`, state: "by hand" };
    return { type, fact: `${on}: no handler — ${step.why ?? step.kind}`, state: "none" };
  }
  // Handlers of types are made once, so this is what the plan stands on; one that cannot be used covers nothing.
  if ("why" in handler) return { type, fact: `${on}: its handler cannot be used — ${handler.why}`, state: "none" };
  const { form, source } = handler.facts;
  if (form === "irreversible") return { type, fact: `${on}: irreversible, by ${source}`, state: "by hand" };
  const planned = `${on}: planned by ${form} (${source}): ${step.kind}${step.why === null ? "" : ` — ${step.why}`}`;
  if (seen.kind === "unread") return { type, fact: planned, state: "unseen", why: `${type}: ${seen.why}` };
  return { type, fact: planned, state: "seen" };
}
