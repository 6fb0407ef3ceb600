// The Unleash server and its client from npm, beside which the kill switch is measured. They are no dependencies: the
// bench installs them into a folder of their own when it is asked to, and finds them there from then on.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

export const PEERS = join(import.meta.dirname, ".peers");
/** Of the server, the last that runs on the oldest Node that we support. */
const PACKAGES = ["unleash-server@7.5.1", "unleash-client@6.12.1"];
const SERVER = join(PEERS, "node_modules", "unleash-server", "dist", "server.js");
/** As for the tests: names another server than the one on this machine. */
const POSTGRES = process.env.CLAWPROOF_TEST_POSTGRES ?? "postgres://postgres@127.0.0.1:5432/test";
const START_MS = 60_000;

export const TOGGLE = "stopped";
const FEATURES = "/api/admin/projects/default/features";

export const peersInstalled = () => existsSync(SERVER);

export async function installPeers() {
  if (peersInstalled()) return;
  await mkdir(PEERS, { recursive: true });
  process.stderr.write(`installing ${PACKAGES.join(" and ")} into bench/.peers\n`);
  const args = ["install", "--prefix", PEERS, "--no-audit", "--no-fund", "--loglevel", "error", ...PACKAGES];
  const child = spawn("npm", args, { stdio: ["ignore", "ignore", "inherit"] });
  const [status] = await once(child, "exit");
  if (status !== 0) throw new Error(`npm install of the peers ended with ${status}`);
}

/**
 * An Unleash server on a database of its own, which is dropped when it stops, with one toggle that is off.
 * @returns {Promise<{ url: string, clientToken: string, flip: (on: boolean) => Promise<void>, stop: () => Promise<void> }>}
 */
export async function startUnleash() {
  const database = `clawproof_bench_${randomBytes(5).toString("hex")}`;
  const client = new pg.Client({ connectionString: POSTGRES });
  await client.connect();
  let server;
  const stop = async () => {
    await server?.stop();
    await client.query(`drop database if exists ${database} with (force)`).finally(() => client.end());
  };
  try {
    await client.query(`create database ${database}`);
    server = await startProcess(Object.assign(new URL(POSTGRES), { pathname: database }).href);
    await server.call(FEATURES, { name: TOGGLE, type: "kill-switch" });
  } catch (error) {
    await stop();
    throw error;
  }
  const flip = (on) => server.call(`${FEATURES}/${TOGGLE}/environments/development/${on ? "on" : "off"}`);
  return { url: `${server.origin}/api/`, clientToken: server.clientToken, flip, stop };
}

async function startProcess(database) {
  const port = await freePort();
  const [secret, clientSecret] = [randomBytes(20).toString("hex"), randomBytes(20).toString("hex")];
  const clientToken = `default:development.${clientSecret}`;
  const env = {
    ...process.env,
    NODE_ENV: "production",
    DATABASE_URL: database,
    DATABASE_SSL: "false",
    HTTP_HOST: "127.0.0.1",
    HTTP_PORT: String(port),
    INIT_ADMIN_API_TOKENS: `*:*.${secret}`,
    INIT_BACKEND_API_TOKENS: clientToken,
    CHECK_VERSION: "false",
    SEND_TELEMETRY: "false",
    LOG_LEVEL: "error",
  };
  const child = spawn(process.execPath, [SERVER], { cwd: PEERS, env, stdio: "ignore" });
  const ended = once(child, "exit");
  const origin = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  const call = async (path, body = {}) => {
    const headers = { authorization: `*:*.${secret}`, "content-type": "application/json" };
    const response = await fetch(`${origin}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`Unleash answered ${response.status} to ${path}: ${await response.text()}`);
    await response.arrayBuffer();
  };
  const began = performance.now();
  while (!(await healthy(origin))) {
    if (child.exitCode !== null || performance.now() - began > START_MS) {
      await stop();
      throw new Error("the Unleash server did not start");
    }
    await delay(100);
  }
  return { origin, clientToken, call, stop };
}

async function healthy(origin) {
  return fetch(`${origin}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
