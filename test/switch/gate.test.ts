import { describe, expect, it } from "vitest";
import { type RunningSwitch, startSwitch } from "./support.ts";
import { follow, send } from "./wire.ts";

/** Foreign names, foreign pages, and whose session a cookie is. */

const KILL = JSON.stringify({ scope: "support", reason: "it refunds everyone" });

/** Sends a kill with these headers; its status. */
async function killWith(it: RunningSwitch, headers: Record<string, string>): Promise<number> {
  const json = { "content-type": "application/json", ...headers };
  return (await send(`${it.url}/v1/kill`, { method: "POST", headers: json, body: KILL })).status;
}

async function readWith(it: RunningSwitch, headers: Record<string, string>, path = "/v1/state"): Promise<number> {
  return (await send(`${it.url}${path}`, { headers })).status;
}

const bearer = ({ admin }: RunningSwitch) => ({ authorization: `Bearer ${admin}` });

/** Signs in as the page does; the cookie. */
async function signIn(it: RunningSwitch, origin = it.url, more: Record<string, string> = {}): Promise<string> {
  const headers = { origin, "content-type": "application/json", ...more };
  const body = JSON.stringify({ token: it.admin });
  const answer = await send(`${it.url}/session`, { method: "POST", headers, body });
  expect(answer.status).toBe(200);
  return (answer.headers["set-cookie"]?.[0] ?? "").split(";")[0] ?? "";
}

describe("the Host of a request", () => {
  it("is an address, localhost or the service's own name", async () => {
    const it = await startSwitch();
    const { port } = new URL(it.url);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, "LOCALHOST"])
      expect([host, await readWith(it, { ...bearer(it), host })]).toEqual([host, 200]);
  });

  it.for([
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:80",
    "evil.example@127.0.0.1",
    "127.0.0.1/@evil.example",
    "127.0.0.1?evil.example",
    "a b",
  ])("%j is refused everywhere, whoever asks", async (host) => {
    const it = await startSwitch();
    for (const path of ["/v1/state", "/v1/events", "/", "/metrics"]) {
      const answer = await send(`${it.url}${path}`, { headers: { ...bearer(it), host } });
      expect([path, answer.status >= 400 && answer.status < 500]).toEqual([path, true]);
      expect(answer.text).not.toContain("epoch");
    }
    expect(await killWith(it, { ...bearer(it), host })).toBeGreaterThanOrEqual(400);
    expect(it.service.killSwitch.standing.epoch).toBe(0);
    expect(it.logged.filter(({ event }) => event === "mistake")).toEqual([]);
  });

  it("is that of publicUrl where one is set, and of no other name", async () => {
    const it = await startSwitch({ publicUrl: "https://stop.example.net" });
    expect(await readWith(it, { ...bearer(it), host: "stop.example.net" })).toBe(200);
    expect(await readWith(it, { ...bearer(it), host: "Stop.Example.Net:4600" })).toBe(200);
    expect(await readWith(it, { ...bearer(it), host: "other.example.net" })).toBe(403);
    // A load balancer asks by whatever name it has.
    expect((await send(`${it.url}/healthz`, { headers: { host: "other.example.net" } })).status).toBe(200);
  });
});

describe("the Origin of a request", () => {
  it("is the service's own or none, also with a token that holds", async () => {
    const it = await startSwitch();
    const { port } = new URL(it.url);
    for (const origin of ["https://evil.example", "null", `http://localhost:${Number(port) + 1}`, "127.0.0.1"]) {
      expect([origin, await killWith(it, { ...bearer(it), origin })]).toEqual([origin, 403]);
      expect([origin, await readWith(it, { ...bearer(it), origin })]).toEqual([origin, 403]);
      expect([origin, await readWith(it, { ...bearer(it), origin }, "/v1/events")]).toEqual([origin, 403]);
    }
    expect(it.service.killSwitch.standing.epoch).toBe(0);
    expect(await killWith(it, { ...bearer(it), origin: it.url })).toBe(200);
  });

  it("is no key: without a sign-in it opens nothing", async () => {
    const it = await startSwitch();
    expect(await killWith(it, { origin: it.url })).toBe(401);
  });
});

describe("a session of the page", () => {
  it("reads and orders from the page alone: a cookie without the page's Origin changes nothing", async () => {
    const it = await startSwitch();
    const cookie = await signIn(it);
    expect(await readWith(it, { cookie })).toBe(200);
    expect(await killWith(it, { cookie })).toBe(403);
    expect(await killWith(it, { cookie, origin: "https://evil.example" })).toBe(403);
    expect(it.service.killSwitch.standing.epoch).toBe(0);
    expect(await killWith(it, { cookie, origin: it.url })).toBe(200);
  });

  it("follows the events, and ends with its token within a beat", async () => {
    const it = await startSwitch();
    it.tokenFor("other", ["admin"]);
    const cookie = await signIn(it);
    const stream = await follow(it.url, null, { headers: { cookie } });
    await stream.next("state");
    const who = await send(`${it.url}/v1/whoami`, { headers: { cookie } });
    expect(JSON.parse(who.text)).toMatchObject({ name: "operator" });
    await it.call("/v1/tokens/operator", { method: "DELETE" });
    await stream.ended;
    expect(await readWith(it, { cookie })).toBe(401);
    expect(await killWith(it, { cookie, origin: it.url })).toBe(401);
  });

  it("works from publicUrl behind a proxy, and from there alone", async () => {
    const it = await startSwitch({ publicUrl: "https://stop.example.net" });
    const host = "stop.example.net";
    const cookie = await signIn(it, "https://stop.example.net", { host });
    expect(await killWith(it, { cookie, host, origin: "https://stop.example.net" })).toBe(200);
    expect(await killWith(it, { cookie, host, origin: "https://evil.example" })).toBe(403);
  });
});
