import { describe, expect, test } from "vitest";
import { planAudit } from "../../src/audit/plan.ts";
import { actingLine } from "../../src/audit/plan-acts.ts";
import type { FactName } from "../../src/evidence/facts.ts";
import { checkOf, projectOf } from "./support.ts";

const FULL = `version: 1
agent:
  name: support
  url: http://127.0.0.1:4100
  inventory: [tools.json]
  probes:
    read: { url: /accounts/drill }
    write: { url: "/notes?token=\${AGENT_TOKEN}", method: POST, refused: [{ status: 503 }] }
killSwitch:
  status: { url: "http://kim:secret@127.0.0.1:4200/state?scope=\${scope}", stopped: /stopped }
  activate: { url: "http://127.0.0.1:4200/stop", method: POST, headers: { authorization: "Bearer \${SWITCH_TOKEN}" }, json: { scope: "\${scope}" } }
  release: { url: "http://127.0.0.1:4200/resume", method: POST, json: { scope: "\${scope}", by: "\${WHO:-me}" } }
  rehearse: { scope: drill/support, samples: 3, exclusive: true }
breaker:
  settings: agent/settings.yaml#/breaker
  rehearse:
    scope: whole
    open: { url: /breaker, method: POST, json: { state: open } }
    close: { url: /breaker, method: POST, json: { state: closed } }
rollback:
  records: { database: "sqlite:agent.db", table: records, columns: { type: type } }
  script: { run: [node, undo.mjs], types: [--types], trace: [--trace, "\${trace}"], dryRun: [--dry-run], rehearse: { trace: probe } }
canary: { manifest: rollout.yaml }
fallback: { template: fallback.md }
drills: { log: drills.jsonl }
`;

const ALL: FactName[] = [
  "actions",
  "breaker",
  "canary",
  "fallback",
  "killSwitch",
  "drills",
  "records",
  "rehearsal",
  "breakerRehearsal",
  "script",
];

function checkNeeding(facts: readonly FactName[]) {
  return checkOf({ needs: Object.fromEntries(facts.map((fact) => [fact, "optional"])) });
}

describe("planAudit", () => {
  const project = projectOf(FULL);
  const plan = planAudit(project, [checkNeeding(ALL)], true);

  test("what it would read, with places and without secrets", () => {
    expect(plan.reads.map(({ text, location }) => `${location.line} ${text}`)).toEqual([
      "5 inventory: file tools.json",
      "15 breaker settings: file agent/settings.yaml#/breaker",
      "23 manifest: file rollout.yaml",
      "24 fallback: file fallback.md",
      "10 kill switch: GET http://127.0.0.1:4200/state",
      "25 drill log: file drills.jsonl",
      "21 database: sqlite:agent.db, table records",
      "22 rollback script's own list: run node undo.mjs --types",
    ]);
  });

  test("where it would look for its marks, if it pulled: the switch's log and the alerts", () => {
    const yaml = FULL.replace(
      "  rehearse: { scope: drill/support",
      '  log: { url: "http://127.0.0.1:4200/log", fields: {} }\n$&',
    );
    const marked = projectOf(
      `${yaml}alerting: { receipts: { url: "http://127.0.0.1:4300/received?k=\${PAGER_KEY}" } }\n`,
    );
    const reads = (mayAct: Parameters<typeof planAudit>[2]) =>
      planAudit(marked, [checkNeeding(["rehearsal"])], mayAct).reads.map(
        ({ text, location }) => `${location.line} ${text}`,
      );
    expect(reads(true)).toEqual([
      "13 the switch's log: GET http://127.0.0.1:4200/log",
      "27 alert receipts, while it is pulled: GET http://127.0.0.1:4300/received",
    ]);
    expect(reads({ why: "--read-only" })).toEqual([]);
  });

  test("commands as they would be run, without what their URLs hide", () => {
    const curl = '{ command: [curl, "--url=https://kim:hunter2@127.0.0.1:4200/s?key=abc&scope=${scope}", "${scope}"] }';
    const undo = '[node, undo.mjs, "--db=postgres://svc:hunter2@127.0.0.1/app"]';
    const commanded = FULL.replace(/ {2}activate: .*/, `  activate: ${curl}`).replace("[node, undo.mjs]", undo);
    const whole = planAudit(projectOf(commanded), [checkNeeding(ALL)], true);
    expect(JSON.stringify(whole)).not.toContain("hunter2");
    expect(actingLine(projectOf(commanded), whole.acts)).toContain("node undo.mjs --db=postgres://127.0.0.1/app");
    const text = planAudit(projectOf(commanded), [checkNeeding(["rehearsal"])], true).acts[0]?.text;
    expect(text).toBe(
      "pull the kill switch on drill/support, 3 times: run curl --url=https://127.0.0.1:4200/s ${scope}",
    );
  });

  test("what it would act on: scope, how often, how it is put back, who may be paged", () => {
    expect(plan.acts.map(({ text, details, location }) => [location.line, text, ...details])).toEqual([
      [
        13,
        "pull the kill switch on drill/support, 3 times: POST http://127.0.0.1:4200/stop",
        "put back: POST http://127.0.0.1:4200/resume",
        "meanwhile a probe write every 50ms: POST http://127.0.0.1:4100/notes",
        "meanwhile a probe read a second: GET http://127.0.0.1:4100/accounts/drill",
        "may page: whoever the switch at 127.0.0.1:4200 alerts when it is pulled",
      ],
      [
        16,
        "open the breaker of all traffic, once: POST http://127.0.0.1:4100/breaker",
        "put back: POST http://127.0.0.1:4100/breaker",
        "meanwhile a probe write every 50ms: POST http://127.0.0.1:4100/notes",
        "meanwhile a probe read a second: GET http://127.0.0.1:4100/accounts/drill",
        "may page: whoever watches the agent's breaker",
      ],
      [
        22,
        "dry-run the rollback script on the audit's own probe write: run node undo.mjs --trace ${trace} --dry-run",
        "put back: nothing, a dry run changes nothing, which is checked",
        "may page: nobody",
      ],
    ]);
    expect(plan.nots).toEqual([]);
  });

  test("the secrets it needs, each once, not those with a default", () => {
    expect(plan.secrets.map(({ name, location }) => `${name} ${location.line}`)).toEqual([
      "SWITCH_TOKEN 11",
      "AGENT_TOKEN 8",
    ]);
    expect(planAudit(project, [checkNeeding(["canary"])], true).secrets).toEqual([]);
  });

  test("without leave to act nothing is acted on, with the reason", () => {
    const refused = planAudit(project, [checkNeeding(ALL)], { why: "--read-only" });
    expect(refused.acts).toEqual([]);
    expect(refused.nots.map(({ text }) => text)).toEqual([
      "pull the kill switch on drill/support, 3 times: POST http://127.0.0.1:4200/stop: --read-only",
      "open the breaker of all traffic, once: POST http://127.0.0.1:4100/breaker: --read-only",
      expect.stringMatching(/^dry-run the rollback script .*: --read-only$/) as string,
    ]);
  });

  test("a script that nothing is rehearsed beside sends a probe write of its own", () => {
    const [act] = planAudit(project, [checkNeeding(["script"])], true).acts;
    expect(act?.details[0]).toBe("sends one probe write: POST http://127.0.0.1:4100/notes");
  });

  test("what is not consented to, and what is not there", () => {
    const bare = FULL.replace(/ {2}rehearse: \{ scope.*\n/, "")
      .replace(/ {2}rehearse:\n(?: {4}.*\n)+/, "")
      .replace(", rehearse: { trace: probe }", "")
      .replace(/canary.*\n/, "");
    const { acts, nots } = planAudit(projectOf(bare), [checkNeeding(ALL)], true);
    expect(acts).toEqual([]);
    expect(nots.map(({ text }) => text)).toEqual([
      "look at canary: the configuration does not name it",
      "pull the kill switch: no killSwitch.rehearse consents to it",
      "open the breaker: no breaker.rehearse consents to it",
      "dry-run the rollback script: no rollback.script.rehearse consents to it",
    ]);
  });
});

describe("planAudit on our own ledger", () => {
  const LEDGER = `version: 1
agent: { name: support, url: "http://127.0.0.1:4100" }
rollback:
  ledger: "postgres://kim:\${LEDGER_PASSWORD}@db.example/actions"
  guard: ./agent/guard.mjs#guard
  undo:
    subscription_update: { sql: { database: "postgres://kim:\${APP_PASSWORD}@db.example/app", table: accounts, key: [id] } }
    email_send: { http: { url: /retract, method: POST, headers: { authorization: "Bearer \${MAIL_TOKEN}" } }, state: { url: "/mails/\${record.reference}" } }
    db_update: { module: ./undo.mjs#restore }
    parcel_send: { irreversible: call the carrier }
`;
  const plan = planAudit(projectOf(LEDGER), [checkNeeding(["records", "script"])], true);

  test("what is read, asked and imported, and nothing acted on", () => {
    expect(plan.reads.map(({ text, location }) => `${location.line} ${text}`)).toEqual([
      "4 database: postgres://db.example/actions, table clawproof_actions",
      "4 plan for the newest write of each type: postgres://db.example/actions, and what its own handlers look at",
      "5 undo functions of the guard: run ./agent/guard.mjs#guard (imported in a process of its own)",
      "7 rows of subscription_update: postgres://db.example/app, table accounts",
      "8 state of email_send: GET http://127.0.0.1:4100/mails/${record.reference}",
      "9 undo of db_update: run ./undo.mjs#restore (imported in a process of its own)",
    ]);
    expect([plan.acts, plan.nots]).toEqual([[], []]);
  });

  test("needs the secrets for looking, not those for undoing", () => {
    expect(plan.secrets.map(({ name }) => name)).toEqual(["LEDGER_PASSWORD", "APP_PASSWORD"]);
  });

  test("a script beside it is listed instead of its plan", () => {
    const both = LEDGER.replace("  guard:", "  script: { run: [node, undo.mjs], types: [--types] }\n  guard:");
    const { reads } = planAudit(projectOf(both), [checkNeeding(["records", "script"])], true);
    expect(reads.map(({ text }) => text)).toEqual([
      "database: postgres://db.example/actions, table clawproof_actions",
      "rollback script's own list: run node undo.mjs --types",
    ]);
  });
});

describe("actingLine", () => {
  const STAGING = `version: 1
agent: { name: support, url: "https://agent.\${environment}.example.com", probes: { write: { url: /notes, refused: [{ status: 503 }] } } }
killSwitch:
  status: { url: "https://stop.example.net/state?scope=\${scope}", stopped: /stopped }
  activate: { url: https://stop.example.net/stop, method: POST, json: { scope: "\${scope}" } }
  release: { url: https://stop.example.net/resume, method: POST, json: { scope: "\${scope}" } }
environments:
  staging:
    killSwitch: { rehearse: { samples: 3, exclusive: true } }
  production: {}
`;

  test("names environment, scope, host and place", () => {
    const project = projectOf(STAGING, { environment: "staging" });
    const { acts } = planAudit(project, [checkNeeding(["rehearsal"])], true);
    expect(actingLine(project, acts)).toBe("acting on staging: drill/support at stop.example.net (clawproof.yaml:9)");
  });

  test("what cannot be rehearsed is not announced: a switch whose log nobody can read", () => {
    const without = projectOf(STAGING.replace(", exclusive: true", ""), { environment: "staging" });
    expect(planAudit(without, [checkNeeding(["rehearsal"])], true).nots[0]?.text).toContain("whose order is newest");
  });

  test("our own is planned from url and token: what is asked, pulled, put back, and who obeys", () => {
    const ours = STAGING.replace(
      / {2}status(.|\n)*(?=environments)/,
      '  provider: clawproof\n  url: https://stop.example.net/\n  token: "${SWITCH_TOKEN}"\n',
    );
    const project = projectOf(ours, { environment: "staging" });
    const checks = [checkNeeding(["killSwitch", "rehearsal"])];
    const { acts, reads, nots, secrets } = planAudit(project, checks, true);
    expect(nots).toEqual([]);
    expect(actingLine(project, acts)).toBe("acting on staging: drill/support at stop.example.net (clawproof.yaml:9)");
    expect(acts[0]?.text).toBe("pull the kill switch on drill/support, 3 times: POST https://stop.example.net/v1/kill");
    expect(acts[0]?.details[0]).toBe("put back: POST https://stop.example.net/v1/release");
    expect(reads.map(({ text, location }) => `${location.line}: ${text}`)).toEqual([
      "5: kill switch: GET https://stop.example.net/v1/state",
      "5: the switch's log: GET https://stop.example.net/v1/log",
      "5: who obeys, while it is pulled: GET https://stop.example.net/v1/fleet",
    ]);
    expect(secrets).toEqual([{ name: "SWITCH_TOKEN", location: expect.objectContaining({ line: 6 }) }]);
    expect(planAudit(project, checks, { why: "--read-only" }).reads).toHaveLength(1);
  });

  test("nothing to act on, no line; and consent is never inherited", () => {
    const project = projectOf(STAGING, { environment: "production" });
    const { acts, nots } = planAudit(project, [checkNeeding(["rehearsal"])], true);
    expect(actingLine(project, acts)).toBeNull();
    expect(nots[0]?.text).toBe(
      "pull the kill switch: no killSwitch.rehearse consents to it in environments.production",
    );
  });

  test("without an environment it is this machine", () => {
    const project = projectOf(FULL);
    const { acts } = planAudit(project, [checkNeeding(["rehearsal", "breakerRehearsal"])], true);
    expect(actingLine(project, acts)).toBe(
      "acting on this machine: drill/support at 127.0.0.1:4200 (clawproof.yaml:13), " +
        "the breaker of all traffic at 127.0.0.1:4100 (clawproof.yaml:16)",
    );
  });
});
