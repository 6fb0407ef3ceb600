import { createPublicKey, verify } from "node:crypto";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../src/values/canonical-json.ts";
import { breakBetween, type Chained, sha256 } from "../../src/values/hash-chain.ts";
import { type RunningSwitch, startSwitch } from "./support.ts";
import { send } from "./wire.ts";

/** State, fleet and log: what is read, and that reading changes nothing. */

const KILL = { scope: "support", reason: "it refunds everyone" };

interface LogEntry extends Chained, Record<string, unknown> {
  seq: number;
  kind: string;
}

async function logOf(it: RunningSwitch, query = ""): Promise<LogEntry[]> {
  return (await it.call(`/v1/log${query}`)).body["entries"] as LogEntry[];
}

/** Every row of every table but those of the outbox, whose clock goes on. */
function tablesOf({ service }: RunningSwitch): Record<string, unknown[]> {
  const { database } = service.killSwitch.store;
  const tables = ["meta", "log", "orders", "tokens", "answers", "instances"];
  return Object.fromEntries(tables.map((name) => [name, database.prepare(`SELECT * FROM ${name}`).all()]));
}

describe("the state", () => {
  it("has an ETag; a 304 says when it was sent and by which run", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", { body: KILL });
    const { headers, body } = await it.call("/v1/state");
    const etag = headers.get("etag") ?? "";
    expect(headers.get("cache-control")).toBe("no-cache");
    expect(headers.get("clawproof-boot")).toBe(body["boot"]);
    expect(headers.get("clawproof-sent-at")).toBe(String(body["sentAt"]));
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const same = await send(`${it.url}/v1/state`, {
        headers: { authorization: `Bearer ${it.admin}`, "if-none-match": known },
      });
      expect(same).toMatchObject({ status: 304, text: "", headers: { etag, "clawproof-boot": body["boot"] } });
      expect(Number(same.headers["clawproof-sent-at"])).toBeGreaterThanOrEqual(Number(body["sentAt"]));
    }
    await it.call("/v1/release", { body: KILL });
    const changed = await it.call("/v1/state", { headers: { "if-none-match": etag } });
    expect(changed).toMatchObject({ status: 200, body: { epoch: 2, orders: [] } });
  });

  it("of another run is another: its clock is", async () => {
    const it = await startSwitch();
    const etag = (await it.call("/v1/state")).headers.get("etag") ?? "";
    await it.close();
    const again = await startSwitch({ dataFile: it.dataFile, admin: it.admin });
    expect((await again.call("/v1/state", { headers: { "if-none-match": etag } })).status).toBe(200);
  });

  it("says of a scope what it may do and which orders cover it", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", { body: { ...KILL, scope: "support/refund", mode: "read-only" } });
    const ask = (scope: string) => it.call(`/v1/state?scope=${encodeURIComponent(scope)}`);
    const refund = await ask("support/refund");
    expect(refund.body).toMatchObject({ scope: "support/refund", mode: "read-only", stopped: true, orders: [{}] });
    expect(refund.body["covering"]).toMatchObject([{ scope: "support/refund", by: "operator" }]);
    for (const scope of ["support", "support/mail", "support@2", "*", "never-heard-of"])
      expect((await ask(scope)).body).toMatchObject({ scope, mode: "running", stopped: false, covering: [] });
    const [one, other] = [await ask("support"), await ask("other")];
    expect(one.headers.get("etag")).not.toBe(other.headers.get("etag"));
  });
});

describe("the fleet", () => {
  it("is every instance that reported, or those that a scope covers", async () => {
    const it = await startSwitch();
    const { series } = it.service.killSwitch.standing;
    for (const agent of ["support", "billing"]) {
      const token = it.tokenFor(agent, ["agent"], agent);
      const report = { instance: "one", agent, version: "1.2", series, epoch: 0, running: {}, counts: { calls: 3 } };
      expect((await it.call("/v1/report", { token, body: report })).status).toBe(204);
    }
    const { body } = await it.call("/v1/fleet");
    expect(body["instances"]).toMatchObject([{ agent: "support" }, { agent: "billing", counts: { calls: 3 } }]);
    const of = async (scope: string) =>
      (await it.call(`/v1/fleet?scope=${encodeURIComponent(scope)}`)).body["instances"];
    expect(await of("support")).toMatchObject([{ agent: "support", version: "1.2", state: "obeyed", mode: "running" }]);
    expect(await of("support@1.2")).toHaveLength(1);
    expect(await of("support@1.3")).toEqual([]);
    expect(await of("*")).toHaveLength(2);
    expect(await of("nobody")).toEqual([]);
  });
});

describe("the log", () => {
  it("is one chain from its first entry, refused attempts and tokens included", async () => {
    const it = await startSwitch();
    const reader = it.tokenFor("reader", ["read"]);
    await it.call("/v1/kill", { body: { ...KILL, reason: "ünïcode 💥 \u0000 and more" } });
    await it.call("/v1/kill", { token: reader, body: KILL });
    await it.call("/v1/release", { body: KILL });
    await it.call("/v1/tokens/reader", { method: "DELETE" });
    const entries = await logOf(it);
    const kinds = ["token-added", "service-started", "token-added", "kill", "refused", "release", "token-revoked"];
    expect(entries.map(({ kind }) => kind)).toEqual(kinds);
    let previous = "";
    for (const [index, entry] of entries.entries()) {
      expect(entry.seq).toBe(index + 1);
      expect(breakBetween(previous, entry)).toBeNull();
      for (const member of ["at", "by", "from"]) expect(entry).toHaveProperty(member);
      previous = entry.hash;
    }
    const [, , , kill] = entries;
    expect(breakBetween(kill?.previous ?? "", { ...kill, reason: "another" } as LogEntry)).toBe("changed");
  });

  it("is read in pages, from its end, by scope, or orders alone", async () => {
    const it = await startSwitch();
    for (const scope of ["a", "b", "a", "drill/a"]) await it.call("/v1/kill", { body: { ...KILL, scope } });
    const all = await logOf(it);
    const seqs = async (query: string) => (await logOf(it, query)).map(({ seq }) => seq);
    const every = all.map(({ seq }) => seq);
    const last = every.length;
    expect(every).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await seqs("?limit=2")).toEqual([1, 2]);
    expect(await seqs("?after=2&limit=2")).toEqual([3, 4]);
    expect(await seqs(`?after=${last}`)).toEqual([]);
    expect(await seqs("?after=9007199254740991")).toEqual([]);
    expect(await seqs("?last=2")).toEqual([5, 6]);
    expect(await seqs("?last=1000")).toEqual(every);
    expect(await seqs("?scope=a")).toEqual([3, 5]);
    expect(await seqs("?scope=a&last=1")).toEqual([5]);
    expect(await seqs("?scope=%27%20OR%201=1")).toEqual([]);
    expect(await seqs("?orders=1")).toEqual([3, 4, 5, 6]);
    const { body } = await it.call("/v1/log?after=2&limit=1");
    expect(body).toMatchObject({ series: it.service.killSwitch.standing.series, last });
  });

  it("has a signed head that an outsider can check without asking again", async () => {
    const it = await startSwitch({ name: "production" });
    await it.call("/v1/kill", { body: KILL });
    const { body } = await it.call("/v1/log/head");
    const [newest] = await logOf(it, "?last=1");
    const { series } = it.service.killSwitch.standing;
    const at = expect.stringMatching(/^\d{4}-.+Z$/) as string;
    expect(body["checkpoint"]).toEqual({
      name: "production",
      series,
      seq: newest?.seq,
      epoch: 1,
      hash: newest?.hash,
      at,
    });
    const publicKey = String(body["publicKey"]);
    expect(body["keyId"]).toBe(sha256(publicKey).slice(0, 16));
    const holds = (checkpoint: unknown) =>
      verify(
        null,
        Buffer.from(canonicalJson(checkpoint)),
        createPublicKey(publicKey),
        Buffer.from(String(body["signature"]), "base64"),
      );
    expect(holds(body["checkpoint"])).toBe(true);
    expect(holds({ ...(body["checkpoint"] as object), seq: 1 })).toBe(false);
    await it.close();
    const again = await startSwitch({ dataFile: it.dataFile, admin: it.admin });
    expect((await again.call("/v1/log/head")).body["publicKey"]).toBe(publicKey);
  });
});

describe("who asks", () => {
  it("is told who they are", async () => {
    const it = await startSwitch({ name: "production" });
    const { series } = it.service.killSwitch.standing;
    const agent = await it.call("/v1/whoami", { token: it.tokenFor("bot", ["agent"], "support") });
    expect(agent.body).toEqual({ name: "bot", roles: ["agent"], agent: "support", service: "production", series });
    const killer = await it.call("/v1/whoami", { token: it.tokenFor("kim", ["kill"]) });
    expect(killer.body).toEqual({ name: "kim", roles: ["kill", "read"], agent: null, service: "production", series });
  });
});

describe("reading", () => {
  it("creates nothing, whatever it asks for", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", { body: KILL });
    const before = tablesOf(it);
    const reads = [
      "/v1/state",
      "/v1/state?scope=never-heard-of",
      "/v1/state?scope=drill/never-heard-of",
      "/v1/state?scope=no%20scope",
      "/v1/fleet",
      "/v1/fleet?scope=never-heard-of",
      "/v1/log?scope=never-heard-of",
      "/v1/log/head",
      "/v1/drills",
      "/v1/tokens",
      "/v1/whoami",
      "/v1/never-heard-of",
      "/healthz",
      "/metrics",
      "/",
    ];
    for (const path of reads) await it.call(path);
    for (const key of ["/may-act", "/never-heard-of", ""])
      await it.call(`/ofrep/v1/evaluate/flags${key}`, { body: { context: { targetingKey: "never-heard-of" } } });
    await it.call("/v1/tokens/never-heard-of", { method: "DELETE" });
    expect(tablesOf(it)).toEqual(before);
  });
});
