import { OFREPProvider } from "@openfeature/ofrep-provider";
import { type Client, OpenFeature } from "@openfeature/server-sdk";
import { afterAll, describe, expect, it } from "vitest";
import { type RunningSwitch, startSwitch } from "./support.ts";

/** The switch as an agent in any language reads it: with a stock OpenFeature SDK and its remote evaluation provider. */

const FLAGS = "/ofrep/v1/evaluate/flags";
const KILL = { reason: "it refunds everyone" };

afterAll(() => OpenFeature.close());

let domains = 0;

async function clientOf({ url }: RunningSwitch, token: string): Promise<Client> {
  const domain = `switch-${domains++}`;
  const headers: [string, string][] = [["Authorization", `Bearer ${token}`]];
  await OpenFeature.setProviderAndWait(domain, new OFREPProvider({ baseUrl: url, headers }));
  return OpenFeature.getClient(domain);
}

/** What the SDK says of both flags; the defaults are what must not be mistaken for an answer. */
async function asked(client: Client, targetingKey: string): Promise<boolean[]> {
  const act = await client.getBooleanDetails("may-act", false, { targetingKey });
  const write = await client.getBooleanDetails("may-write", false, { targetingKey });
  expect([act.errorCode, write.errorCode]).toEqual([undefined, undefined]);
  return [act.value, write.value];
}

describe("the OpenFeature SDK for servers", () => {
  it("reads may-act and may-write: running, read-only, stopped, and running again", async () => {
    const it = await startSwitch();
    const client = await clientOf(it, it.tokenFor("bot", ["agent"], "support"));
    expect(await asked(client, "support")).toEqual([true, true]);
    await it.call("/v1/kill", { body: { ...KILL, scope: "support", mode: "read-only" } });
    expect(await asked(client, "support")).toEqual([true, false]);
    await it.call("/v1/kill", { body: { ...KILL, scope: "*" } });
    expect(await asked(client, "support")).toEqual([false, false]);
    await it.call("/v1/release", { body: { ...KILL, scope: "*" } });
    expect(await asked(client, "support")).toEqual([true, false]);
    await it.call("/v1/release", { body: { ...KILL, scope: "support" } });
    expect(await asked(client, "support")).toEqual([true, true]);
  });

  it("asks for a type of action or a version of its agent, and for a drill", async () => {
    const it = await startSwitch();
    const client = await clientOf(it, it.admin);
    await it.call("/v1/kill", { body: { ...KILL, scope: "support/refund" } });
    await it.call("/v1/kill", { body: { ...KILL, scope: "support@2.0", mode: "read-only" } });
    await it.call("/v1/kill", { body: { ...KILL, scope: "drill/billing" } });
    expect(await asked(client, "support/refund")).toEqual([false, false]);
    expect(await asked(client, "support/mail")).toEqual([true, true]);
    expect(await asked(client, "support@2.0")).toEqual([true, false]);
    expect(await asked(client, "support@1.0")).toEqual([true, true]);
    expect(await asked(client, "billing")).toEqual([true, true]);
    expect(await asked(client, "drill/billing")).toEqual([false, false]);
  });

  it("is told the mode, the series and the epoch beside the value", async () => {
    const it = await startSwitch();
    const client = await clientOf(it, it.admin);
    await it.call("/v1/kill", { body: { ...KILL, scope: "support", mode: "read-only" } });
    const details = await client.getBooleanDetails("may-write", true, { targetingKey: "support" });
    const { series } = it.service.killSwitch.standing;
    expect(details).toMatchObject({
      value: false,
      reason: "TARGETING_MATCH",
      variant: "read-only",
      flagMetadata: { series, epoch: 1 },
    });
  });

  it("takes its own default where it asks wrongly, and says why", async () => {
    const it = await startSwitch();
    const client = await clientOf(it, it.admin);
    const why = async (flag: string, targetingKey?: string) =>
      (await client.getBooleanDetails(flag, false, targetingKey === undefined ? {} : { targetingKey })).errorCode;
    expect(await why("may-fly", "support")).toBe("FLAG_NOT_FOUND");
    expect(await why("may-act")).toBe("TARGETING_KEY_MISSING");
    expect(await why("may-act", "no scope")).toBe("INVALID_CONTEXT");
    const stranger = await clientOf(it, "cp_nobody");
    const details = await stranger.getBooleanDetails("may-act", false, { targetingKey: "support" });
    expect(details).toMatchObject({ value: false, reason: "ERROR" });
    expect(details.errorCode).toBeDefined();
  });

  it("may send whatever else it knows as context", async () => {
    const it = await startSwitch();
    const client = await clientOf(it, it.admin);
    const context = { targetingKey: "support", user: { name: "half \ud83d", tags: ["a"] }, at: new Date(), n: 1.5 };
    expect(await client.getBooleanValue("may-act", false, context)).toBe(true);
  });
});

describe("all flags at once", () => {
  const BODY = { context: { targetingKey: "support" } };

  it("come with an ETag, which changes with every order and with the scope", async () => {
    const it = await startSwitch();
    const first = await it.call(FLAGS, { body: BODY });
    expect(first.status).toBe(200);
    expect(first.body["flags"]).toMatchObject([
      { key: "may-act", value: true, variant: "running" },
      { key: "may-write", value: true, variant: "running" },
    ]);
    const etag = first.headers.get("etag") ?? "";
    const again = (headers: Record<string, string>, body: object = BODY) => it.call(FLAGS, { body, headers });
    const same = await again({ "if-none-match": etag });
    expect([same.status, same.headers.get("etag"), same.body["text"]]).toEqual([304, etag, ""]);
    const other = await again({ "if-none-match": etag }, { context: { targetingKey: "billing" } });
    expect(other.status).toBe(200);
    await it.call("/v1/kill", { body: { ...KILL, scope: "support" } });
    const changed = await again({ "if-none-match": etag });
    expect(changed.status).toBe(200);
    expect(changed.body["flags"]).toMatchObject([{ value: false }, { value: false, variant: "stopped" }]);
  });

  it("answer every mistake with a code", async () => {
    const it = await startSwitch();
    const code = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
      const answer = await it.call(`${FLAGS}${path}`, { body, headers });
      return [answer.status, answer.body["errorCode"], answer.body["key"]];
    };
    expect(await code("", "{")).toEqual([400, "PARSE_ERROR", undefined]);
    expect(await code("", "[]")).toEqual([400, "PARSE_ERROR", undefined]);
    expect(await code("", BODY, { "content-type": "text/plain" })).toEqual([400, "PARSE_ERROR", undefined]);
    expect(await code("", {})).toEqual([400, "TARGETING_KEY_MISSING", undefined]);
    expect(await code("", { context: { targetingKey: "" } })).toEqual([400, "TARGETING_KEY_MISSING", undefined]);
    expect(await code("", { context: { targetingKey: 7 } })).toEqual([400, "PARSE_ERROR", undefined]);
    expect(await code("", { context: { targetingKey: "a b" } })).toEqual([400, "INVALID_CONTEXT", undefined]);
    expect(await code("/may-act", {})).toEqual([400, "TARGETING_KEY_MISSING", "may-act"]);
    for (const key of ["may-fly", "__proto__", "constructor", "toString"])
      expect(await code(`/${key}`, BODY)).toEqual([404, "FLAG_NOT_FOUND", key]);
  });

  it("take an API key as well as a bearer's token", async () => {
    const it = await startSwitch();
    const keyed = await it.call(FLAGS, { token: null, body: BODY, headers: { "x-api-key": it.admin } });
    expect(keyed.status).toBe(200);
    const wrong = await it.call(FLAGS, { token: null, body: BODY, headers: { "x-api-key": "wrong" } });
    expect(wrong.status).toBe(401);
  });
});
