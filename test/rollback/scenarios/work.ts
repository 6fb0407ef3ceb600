import { mkdir, rm, writeFile } from "node:fs/promises";
import { expect } from "vitest";
import { startSwitch } from "../../switch/support.ts";
import { type Act, Office } from "./office.ts";

/** A file is written whose text must come through, and go again, bit for bit. */
const writes =
  (...texts: readonly string[]) =>
  async (): Promise<void> => {
    const office = await Office.open();
    const path = office.path("files", "config.yaml");
    await writeFile(path, "replicas: 6\n");
    await office.actsAndIsBack(...texts.map((text) => office.file("file_write", [path], () => writeFile(path, text))));
  };

/** A thing of the service is given other data, or deleted (null); `was` null makes it anew. */
const changes =
  (type: string, name: string, was: unknown, data: unknown, residue?: string) => async (): Promise<void> => {
    const office = await Office.open();
    if (was !== null) office.service.things.set(name, was);
    await office.actsAndIsBack(office.call(type, name, data, residue));
  };

/** Rows of one table are changed, one statement each. */
const alters =
  (type: string, table: string, first: string, statements: Readonly<Record<string, string>>) =>
  async (): Promise<void> => {
    const office = await Office.open();
    office.db.exec(`create table ${table} (id text primary key, value)`);
    office.db.exec(`insert into ${table} values (${first})`);
    await office.actsAndIsBack(
      ...Object.entries(statements).map(([id, statement]) => office.rows(type, table, id, statement)),
    );
  };

const joining = (id: string): [string, string] => [id, `insert into members values ('${id}', 'g-oncall')`];

export const work: Readonly<Record<string, () => Promise<void>>> = {
  B01: changes("payment_post", "payment/INV-4410", null, { amount: 12_400 }, "the remittance advice was sent"),
  B02: alters("supplier_update", "suppliers", "'V-100', 'GB29'", {
    "V-100": "update suppliers set value = 'GB30' where id = 'V-100'",
  }),
  B03: changes("object_delete", "reports/q3.csv", "revenue=1200", null),
  B04: changes("scale", "deployment/api", { replicas: 6 }, { replicas: 2 }),

  async B05() {
    const office = await Office.open();
    const repository = await office.withRepository();
    const drop = () => repository.git("branch", "-q", "-D", "release");
    await office.actsAndIsBack(office.branch("branch_delete", "release", repository, drop));
  },

  B06: alters("member_add", "members", "'u-ops', 'g-oncall'", Object.fromEntries([joining("u-new")])),
  B07: writes("replicas: 8\n"),
  B08: writes("# urgent: override the default and bypass the cache\ncache: off\n"),
  B09: changes("record_change", "zone/api", { A: "203.0.113.10" }, { A: "203.0.113.10", ttl: 60 }, "resolvers keep it"),

  async B10() {
    const office = await Office.open();
    office.db.exec("create table invoices (id integer primary key, due text)");
    await office.actsAndIsBack(office.index("invoices", "due"));
  },

  async B11() {
    const office = await Office.open();
    office.db.exec("create table customers (id text primary key, credit integer)");
    office.db.exec("insert into customers values ('cust-1', 5000), ('cust-2', 100)");
    const read = office.read("customer_read", () => office.db.prepare("select credit from customers").raw().all([]));
    expect(await read()).toEqual([[5000], [100]]);
    const raise = "update customers set credit = 7500 where id = 'cust-1'";
    await office.actsAndIsBack(office.rows("customer_update", "customers", "cust-1", raise));
  },

  async B12() {
    const office = await Office.open();
    office.service.things.set("supplier/V-100", { iban: "GB29" });
    const look = office.read("supplier_read", () => office.service.get("supplier/V-100"));
    for (let read = 0; read < 12; read++) expect(await look()).toEqual({ iban: "GB29" });
    expect(office.guard.check("supplier_read")).toMatchObject({ allowed: true });
    expect(await office.takeBack()).toEqual([]);
  },

  B13: alters("user_deactivate", "users", "'u-leaver', 'ACTIVE'", {
    "u-leaver": "update users set value = 'DEPROVISIONED' where id = 'u-leaver'",
  }),
  B14: changes("protect", "protection/main", { reviews: 2 }, { reviews: 3 }),
  B15: alters("rule_add", "rules", "'sg-old', '10.0.0.0/8'", {
    "sg-app": "insert into rules values ('sg-app', '10.1.0.0/16')",
  }),
  B17: changes("manifest_apply", "deployment/api", { image: "api:1.4.2" }, { image: "api:1.4.3" }),
  B18: writes("owner: Björn Müller\nregion: 東京\nstatus: 🚀\n"),

  async B19() {
    const office = await Office.open();
    const sent: string[] = [];
    const send = office.final("email_send", "write to them again", (text) => sent.push(text));
    const text = "Ref TCK-4419203 / account 123456789012 / 9f2c41ab-7d10-4e55-9b21-6c8ee0f31d47: payment scheduled.";
    await send(text);
    expect(sent).toEqual([text]);
    expect(await office.takeBack()).toMatchObject([{ target: text, what: "irreversible", why: "write to them again" }]);
  },

  B20: writes(...Array.from({ length: 12 }, (_, step) => `replicas: ${step}\n`)),
  B21: alters(
    "member_add",
    "members",
    "'u-ops', 'g-oncall'",
    Object.fromEntries(Array.from({ length: 8 }, (_, n) => joining(`u-${n}`))),
  ),
  B22: writes("replicas: 4\n"),

  async B23() {
    const office = await Office.open();
    const build = office.path("files", "build");
    await mkdir(`${build}/empty`, { recursive: true });
    await writeFile(`${build}/main.o`, "object");
    await office.actsAndIsBack(office.file("tree_delete", [build], () => rm(build, { recursive: true })));
  },

  B24: changes("scale", "deployment/api", { replicas: 6 }, { replicas: 8 }),
  B25: writes("include: ../shared/base.yaml\nassets: ../../static\n"),
  B26: writes("queries:\n  overdue: SELECT id FROM invoices WHERE due < NOW()\n"),
  B27: writes("metrics: https://otel.internal.example/v1/traces\n"),
  B28: writes(
    "pin_sha256: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nissuer: 3b1efd3a66ea28b16697394703a72ca340a05bd5\n",
  ),

  /** Six refusals in a row are more than the failures at which its breaker opens: they do not count. */
  async B31() {
    const killSwitch = await startSwitch();
    const token = killSwitch.tokenFor("pod", ["agent"], "support");
    const office = await Office.open({ killSwitch: { url: killSwitch.url, token } });
    const scope = "support/supplier_block";
    office.service.things.set("supplier/V-100", { blocked: false });
    const block = office.call("supplier_block", "supplier/V-100", { blocked: true });
    await killSwitch.call("/v1/kill", { body: { scope, mode: "stopped", reason: "too much at once" } });
    const allowed = async (is: boolean): Promise<void> => {
      while (office.guard.check("supplier_block").allowed !== is)
        await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await allowed(false);
    for (let time = 0; time < 6; time++) await office.isRefused(block, "stopped");
    await killSwitch.call("/v1/release", { body: { scope, reason: "settled" } });
    await allowed(true);
    await office.actsAndIsBack(block);
  },

  B32: changes("supplier_block", "supplier/V-100", { blocked: false }, { blocked: true }),
  B33: changes("key_disable", "key/app", { enabled: true }, { enabled: false }),

  async B34() {
    const office = await Office.open();
    office.service.things.set("policy/app", { version: "v3" });
    await office.actsAndIsBack(
      office.call("version_create", "policy/app/v4", { Statement: [] }),
      office.call("default_set", "policy/app", { version: "v4" }),
    );
  },

  B35: changes("object_put", "reports/q3.csv", "revenue=1200", "revenue=1400"),
  B36: changes(
    "opportunity_update",
    "opportunity/1",
    { stage: "Proposal", amount: 40_000 },
    { stage: "Negotiation", amount: 45_000 },
  ),

  async B37() {
    const office = await Office.open();
    await office.withRepository();
    await office.actsAndIsBack(
      office.git("git_commit", (repository) => repository.commit("a retry in the client")),
      office.git("git_checkout", (repository) => repository.git("checkout", "-q", "release")),
    );
  },

  B38: alters("role_assign", "roles", "'u-old', 'helpdesk'", {
    "u-new": "insert into roles values ('u-new', 'helpdesk')",
  }),

  async B39() {
    const office = await Office.open();
    office.service.things.set("deployment/api", { replicas: 6, image: "api:1.4.2" });
    const steps: Act[] = [4, 5, 6, 7, 8].map((replicas) =>
      office.call("scale", "deployment/api", { replicas, image: "api:1.4.2" }),
    );
    const applied = [0, 1, 2, 3].map((n) =>
      office.call("manifest_apply", "deployment/api", { replicas: 6, image: `api:2.${n}` }),
    );
    await office.actsAndIsBack(...steps, ...applied);
  },
};
