import { readFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { listen, type ListenOptions } from "../../src/switch/service/listener.ts";
import { listen as listenFor } from "../doors/servers.ts";
import { type RunningSwitch, startSwitch } from "./support.ts";
import { follow, send } from "./wire.ts";

/** Where the service listens, and whom it believes to speak for whom. */

const TLS = resolve(import.meta.dirname, "../support/tls");
const PAIR = { cert: join(TLS, "cert.pem"), key: join(TLS, "key.pem") };
const KILL = { scope: "support", reason: "it refunds everyone" };

/** A second listener for the service of a running switch. */
async function listening({ service }: RunningSwitch, options: Partial<ListenOptions> = {}): Promise<string> {
  const all = { listen: { host: "127.0.0.1", port: 0 }, tls: null, behindProxy: [], ...options };
  const started = await listen(service, all);
  onTestFinished(async () => {
    service.events.close();
    await started.close();
  });
  return started.url;
}

describe("a public address", () => {
  it.for(["0.0.0.0", "::", "192.0.2.1", "switch.example.net", "127.example.net", "localhost.example.net"])(
    "such as %s is refused without TLS and without trusted proxies, in words that say what to do",
    async (host) => {
      const it = await startSwitch();
      const refused = listening(it, { listen: { host, port: 0 } });
      await expect(refused).rejects.toThrow(/can be reached from other machines.+switch\.tls.+switch\.behindProxy/);
    },
  );

  it("may be listened on with TLS", async () => {
    const it = await startSwitch();
    const url = await listening(it, { listen: { host: "0.0.0.0", port: 0 }, tls: PAIR });
    expect(url).toMatch(/^https:\/\/0\.0\.0\.0:\d+$/);
  });

  it("may be listened on where proxies are named, and nobody else may connect", async () => {
    const it = await startSwitch();
    const url = await listening(it, { listen: { host: "0.0.0.0", port: 0 }, behindProxy: ["10.0.0.0/8", "fd00::/8"] });
    const headers = { authorization: `Bearer ${it.admin}`, "x-forwarded-for": "10.0.0.1" };
    for (const path of ["/v1/state", "/v1/events", "/healthz"]) {
      const answer = await send(url.replace("0.0.0.0", "127.0.0.1") + path, { headers });
      expect([path, answer.status, answer.text]).toEqual([path, 403, expect.stringContaining("switch.behindProxy")]);
    }
  });
});

describe("a connection that does not say what it wants", () => {
  it.for([
    ["nothing", null, ""],
    ["half a request", null, "POST /v1/kill HTTP/1.1\r\nHost: localhost\r\n"],
    ["no handshake", PAIR, ""],
  ] as const)("%s: is ended within its time, for it may be one of the last to be had", async ([, tls, said]) => {
    const it = await startSwitch();
    const { port, hostname } = new URL(await listening(it, { tls, headersMs: 100 }));
    const began = performance.now();
    const socket = connect(Number(port), hostname, () => socket.write(said));
    socket.resume().on("error", () => undefined);
    await once(socket, "close");
    // It is looked for once a second.
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe("TLS", () => {
  it("serves calls and events", async () => {
    const it = await startSwitch();
    const url = (await listening(it, { tls: PAIR })).replace("127.0.0.1", "localhost");
    const ca = await readFile(PAIR.cert);
    const stream = await follow(url, it.admin, { ca });
    await stream.next("state");
    const headers = { authorization: `Bearer ${it.admin}`, "content-type": "application/json" };
    const killed = await send(`${url}/v1/kill`, { method: "POST", headers, body: JSON.stringify(KILL), ca });
    expect(killed.status).toBe(200);
    expect((await stream.next("state")).data["epoch"]).toBe(1);
    await stream.next("beat");
  });

  it("is refused where its files cannot be read", async () => {
    const it = await startSwitch();
    const gone = join(TLS, "gone.pem");
    await expect(listening(it, { tls: { ...PAIR, key: gone } })).rejects.toThrow(`${gone} cannot be read`);
    const swapped = { cert: PAIR.key, key: PAIR.cert };
    await expect(listening(it, { tls: swapped })).rejects.toThrow(`${PAIR.key} and ${PAIR.cert} are no certificate`);
  });
});

describe("a port", () => {
  it("that is taken, and an address that is none of this machine's, are said in words", async () => {
    const it = await startSwitch();
    const port = await listenFor(createServer());
    const at = (host: string, options: Partial<ListenOptions> = {}) =>
      listening(it, { listen: { host, port }, ...options });
    await expect(at("127.0.0.1")).rejects.toThrow(`127.0.0.1:${port} is in use by another program`);
    await expect(at("192.0.2.1", { tls: PAIR })).rejects.toThrow("192.0.2.1 is no address of this machine");
  });
});

describe("behind a proxy", () => {
  const PROXIES = ["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"];

  it.for([
    ["203.0.113.7", "203.0.113.7"],
    ["6.6.6.6, 203.0.113.7", "203.0.113.7"],
    ["6.6.6.6, 203.0.113.7, 10.1.2.3", "203.0.113.7"],
    ["10.9.9.9, 203.0.113.7, 10.1.2.3, 10.1.2.4", "203.0.113.7"],
    ["6.6.6.6, 203.0.113.7:5151", "203.0.113.7"],
    ["6.6.6.6, [2001:db8::7]:5151", "2001:db8::7"],
    ["6.6.6.6, 2001:db8::7", "2001:db8::7"],
    ["6.6.6.6, 2001:db8::7, 2001:db8:1::9", "2001:db8::7"],
    ["6.6.6.6, ::ffff:203.0.113.7", "203.0.113.7"],
    ["6.6.6.6, unknown, 10.1.2.3", "10.1.2.3"],
    ["6.6.6.6, <script>", "127.0.0.1"],
    ["6.6.6.6,", "127.0.0.1"],
    ["10.1.2.3", "10.1.2.3"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    [undefined, "127.0.0.1"],
  ] as const)("X-Forwarded-For %s is from %s", async ([forwarded, from]) => {
    const it = await startSwitch({ behindProxy: PROXIES });
    const headers: Record<string, string> = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
    expect((await it.call("/v1/kill", { body: KILL, headers })).status).toBe(200);
    const { body } = await it.call("/v1/log?last=1");
    expect(body["entries"]).toMatchObject([{ kind: "kill", from }]);
  });

  it("is not believed where no proxy was named", async () => {
    const it = await startSwitch();
    await it.call("/v1/kill", {
      body: KILL,
      headers: { "x-forwarded-for": "203.0.113.7", "x-real-ip": "203.0.113.8" },
    });
    const { body } = await it.call("/v1/log?last=1");
    expect(body["entries"]).toMatchObject([{ from: "127.0.0.1" }]);
  });
});

describe("closing", () => {
  it("ends streams, idle connections and the listening, and says so in the log", async () => {
    const it = await startSwitch();
    await it.call("/v1/state");
    const stream = await follow(it.url, it.admin);
    await stream.next("state");
    await it.close();
    await stream.ended;
    await expect(send(`${it.url}/healthz`)).rejects.toThrow("ECONNREFUSED");
    const again = await startSwitch({ dataFile: it.dataFile, admin: it.admin });
    const entries = (await again.call("/v1/log")).body["entries"] as { kind: string }[];
    expect(entries.map(({ kind }) => kind).slice(-2)).toEqual(["service-stopped", "service-started"]);
  });
});
