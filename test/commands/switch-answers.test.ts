import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { startSwitch } from "../switch/support.ts";
import { forward, gatewayTo, inForce, reporters, runOn, worldOf } from "./switch-support.ts";

/** Orders whose answer does not come, comes late, or is not to be trusted (contract, 4.1). */

describe("where no switch answers", () => {
  test("nothing is known to be stopped, and what else can be done", async () => {
    const { status, stdout, stderr } = await runOn({ url: "http://127.0.0.1:1" }, "abcdef", [
      "kill",
      "all",
      "x",
      "--format",
      "json",
    ]);
    expect(stderr).toContain("no switch answered at http://127.0.0.1:1: connection refused (tried for 5 s)");
    for (const words of ["NOTHING IS KNOWN TO BE STOPPED", "/?scope=*", "--switch URL", "processes", "credentials"]) {
      expect(stderr).toContain(words);
    }
    expect(JSON.parse(stdout)).toMatchObject({ error: expect.stringContaining("no switch answered"), exitCode: 3 });
    expect(status).toBe(3);
  });

  test("one that comes back within 5 s gets the order once", async () => {
    const it = await worldOf();
    const keys: (string | undefined)[] = [];
    const gateway = createServer((request, response) => {
      keys.push(request.headers["idempotency-key"]?.toString());
      if (keys.length === 1) {
        request.socket.destroy();
        return;
      }
      if (keys.length === 2) {
        response.writeHead(502, { "content-type": "text/html" }).end("<html>");
        return;
      }
      void forward(it.url, request).then(({ status, text }) => {
        response.writeHead(status, { "content-type": "application/json" }).end(text);
      });
    }).listen(0, "127.0.0.1");
    await once(gateway, "listening");
    const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    const { status } = await runOn({ url }, it.admin, ["kill", "support", "x"]);
    gateway.close();
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect([status, inForce(it)]).toEqual([0, ["support stopped: x"]]);
  });

  test("a refusal of the second try does not hide that the first may have arrived", async () => {
    const it = await worldOf();
    let tries = 0;
    const gateway = await gatewayTo(
      () => it.url,
      ({ status, text }, response, request) => {
        tries++;
        if (tries === 1) request.socket.destroy();
        else if (tries === 2)
          response.writeHead(429, { "content-type": "application/json" }).end('{"error":"slow down"}');
        else response.writeHead(status).end(text);
      },
    );
    const { status, stderr } = await runOn(gateway, it.admin, ["kill", "support", "x"]);
    expect(inForce(it)).toEqual(["support stopped: x"]);
    expect(stderr).toMatch(/slow down \(the try before: no switch answered/);
    expect(stderr).toContain("whether the order arrived");
    expect(stderr).not.toContain("NOTHING WAS STOPPED");
    expect(status).toBe(3);
  });

  test.each([
    ["terminal", /^Now: {8}support may act; order 1 /m],
    ["json", /"mode":"running".*"stands":false.*"kill":"clawproof kill support REASON"/],
  ])("an order whose answer was lost, and that was released before it was sent again: %s", async (format, words) => {
    const it = await startSwitch();
    const keys: string[] = [];
    const gateway = await gatewayTo(
      () => it.url,
      async ({ status, text }, response, request) => {
        if (request.url === "/v1/kill" && keys.push(String(request.headers["idempotency-key"])) === 1) {
          await it.call("/v1/release", { body: { scope: "support", reason: "no" } });
          request.socket.destroy();
        } else response.writeHead(status, { "content-type": "application/json" }).end(text);
      },
    );
    const { status, stdout, stderr } = await runOn(gateway, it.admin, ["kill", "support", "x", "--format", format]);
    gateway.close();
    expect(keys).toEqual([keys[0], keys[0]]);
    expect(stderr).toContain("THE ORDER NO LONGER STANDS: the scope is running by now\n");
    expect(stdout).toMatch(words);
    expect([status, inForce(it)]).toEqual([1, []]);
  });

  test("something else that listens there is no switch", async () => {
    const other = createServer((_, response) => response.end("<html>hello")).listen(0, "127.0.0.1");
    await once(other, "listening");
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { status, stderr } = await runOn({ url }, "abcdef", ["release", "all", "x"]);
    other.close();
    expect(stderr).toContain("this is no kill switch of clawproof: it answered HTML, not JSON");
    expect(status).toBe(3);
  });
});

test("names and reasons never drive the terminal", async () => {
  const it = await startSwitch();
  await reporters(it, "support", ["web-1"]);
  // Whatever a switch lets through: ours takes no such names.
  const gateway = await gatewayTo(
    () => it.url,
    ({ status, text }, response) =>
      response
        .writeHead(status, { "content-type": "application/json" })
        .end(text.replaceAll("web-1", "web\\u001b[2J\\u0007-1")),
  );
  const argv = ["kill", "support", "x\u001b[31m\u202ey", "--wait", "0s"];
  const { stdout, stderr } = await runOn(gateway, it.admin, argv);
  const json = await runOn(gateway, it.admin, ["status", "support", "--format", "json"]);
  const log = await runOn(gateway, it.admin, ["log"]);
  gateway.close();
  const text = [stdout, stderr, json.stdout, log.stdout].join("");
  expect(text).toMatch(/^pending: web/m);
  expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
});
