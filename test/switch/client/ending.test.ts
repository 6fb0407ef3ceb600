import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { listen } from "../../../src/switch/service/listener.ts";
import { startSwitch } from "../support.ts";
import { agentToken, followSwitch, holds, until } from "./support.ts";

const ROOT = join(import.meta.dirname, "../../..");
const TLS = resolve(import.meta.dirname, "../../support/tls");
const PAIR = { cert: join(TLS, "cert.pem"), key: join(TLS, "key.pem") };
/** Nothing that only slow machines need: what holds the process holds it for good. */
const FOR_GOOD_MS = 15_000;
let folder = "";
let child = "";

beforeAll(async () => {
  await mkdir(join(ROOT, "node_modules/.cache"), { recursive: true });
  folder = await mkdtemp(join(ROOT, "node_modules/.cache/clawproof-test-"));
  child = join(folder, "child.mjs");
  const entryPoints = [join(import.meta.dirname, "following-child.ts")];
  await build({ entryPoints, outfile: child, bundle: true, platform: "node", format: "esm" });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(url: string, token: string, { ca = "-", work = "0" } = {}): Promise<string> {
  const { stdout } = await execa("node", [child, url, token, ca, work], { timeout: FOR_GOOD_MS });
  return stdout;
}

describe("an agent whose work is over ends by itself", () => {
  it("while it follows a stream", async () => {
    const running = await startSwitch();
    expect(await run(running.url, agentToken(running), { work: "heard" })).toBe("heard");
  });

  it("over TLS, with an authority of its own", async () => {
    const running = await startSwitch();
    const { service } = running;
    const to = { host: "127.0.0.1", port: 0 };
    const listening = await listen(service, { listen: to, tls: PAIR, behindProxy: [] });
    onTestFinished(async () => {
      service.events.close();
      await listening.close();
    });
    const url = listening.url.replace("127.0.0.1", "localhost");
    expect(await run(url, agentToken(running), { ca: PAIR.cert, work: "heard" })).toBe("heard");
  });

  it("while it asks again and again", async () => {
    expect(await run("http://127.0.0.1:9,http://127.0.0.1:10", "token", { work: "1500" })).toMatch("not heard");
  });

  it("while it waits for an answer", async () => {
    const silent = createServer();
    await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    expect(await run(`http://127.0.0.1:${port}`, "token", { work: "500" })).toMatch("not heard");
  });

  it("before it has heard anything", async () => {
    const running = await startSwitch();
    expect(await run(running.url, agentToken(running))).toMatch(/heard/);
  });
});

it("close ends every connection", async () => {
  const running = await startSwitch();
  const { client } = followSwitch({ urls: [running.url], token: agentToken(running) });
  await until(() => holds(client) && running.service.events.size === 1);
  const { monotonicUntil } = client.lease;
  await client.close();
  await until(() => running.service.events.size === 0);
  await running.call("/v1/kill", { body: { scope: "*", reason: "nobody hears" } });
  expect(client.view?.epoch).toBe(0);
  // It ends by itself, as it would have.
  expect(client.lease.monotonicUntil).toBe(monotonicUntil);
});
