import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { ClientClosed, TripRefused } from "../../../src/switch/client/trip.ts";
import { copyDataFile } from "../core.ts";
import { startSwitch } from "../support.ts";
import { agentToken, fleetOf, followSwitch, holds, modeOf, proxyBefore, until } from "./support.ts";

const kill = { scope: "support", reason: "wrong refunds" };

describe("following a switch", () => {
  it("hears orders and their end, and reports what it has applied", async () => {
    const running = await startSwitch();
    const { client } = followSwitch({ urls: [running.url], token: agentToken(running), version: "2.4.1" });
    expect(holds(client)).toBe(false);
    await until(() => holds(client));
    expect(modeOf(client)).toBe("running");

    await running.call("/v1/kill", { body: kill });
    await until(() => modeOf(client) === "stopped");
    const epoch = client.view?.epoch;
    await expect.poll(() => fleetOf(running)).toMatchObject([{ state: "obeyed", epoch, version: "2.4.1" }]);

    await running.call("/v1/release", { body: { scope: "support", reason: "mended" } });
    await until(() => modeOf(client) === "running");
    expect(holds(client)).toBe(true);
  });

  it("obeys only when nothing forbidden runs any more", async () => {
    const running = await startSwitch();
    const followed = followSwitch({ urls: [running.url], token: agentToken(running) });
    followed.running["refund"] = 1;
    await until(() => holds(followed.client));
    await running.call("/v1/kill", { body: kill });
    await expect.poll(() => fleetOf(running)).toMatchObject([{ state: "pending", running: { refund: 1 }, epoch: 1 }]);
    followed.running["refund"] = 0;
    followed.client.reportSoon();
    await expect.poll(() => fleetOf(running)).toMatchObject([{ state: "obeyed", running: {} }]);
  });

  it("tells its listeners before the lease begins, and again where one did not take it", async () => {
    const running = await startSwitch();
    const seen: { epoch: number | undefined; held: boolean }[] = [];
    const { client, notices } = followSwitch({ urls: [running.url], token: agentToken(running) });
    client.onChange(() => {
      seen.push({ epoch: client.view?.epoch, held: holds(client) });
      if (seen.length === 1) throw new Error("not yet");
    });
    await until(() => holds(client));
    expect(seen).toEqual([
      { epoch: 0, held: false },
      { epoch: 0, held: false },
    ]);
    expect(notices).toEqual([{ kind: "mistake", message: "an order was not applied: not yet" }]);
  });

  it("hears a switch again that was restarted on its data file", async () => {
    const running = await startSwitch();
    let target = running.url;
    const proxy = await proxyBefore(() => target);
    const token = agentToken(running);
    const { client, notices } = followSwitch({ urls: [proxy.url], token, leaseMs: 2_000 });
    await until(() => holds(client));
    await running.close();
    await until(() => !holds(client));
    const again = await startSwitch({ dataFile: running.dataFile, admin: running.admin });
    target = again.url;
    await again.call("/v1/kill", { body: kill });
    await until(() => modeOf(client) === "stopped" && holds(client));
    expect(notices.filter(({ kind }) => kind !== "unreachable")).toEqual([]);
  });

  it("ends the lease at once where the token is revoked in mid-stream, and says so without the token", async () => {
    const running = await startSwitch();
    const token = agentToken(running);
    const { client, notices } = followSwitch({ urls: [running.url], token });
    await until(() => holds(client));
    await running.call("/v1/tokens/support-agent", { method: "DELETE" });
    await until(() => notices.length > 0);
    expect(client.lease).toEqual({ monotonicUntil: -Infinity, wallUntil: -Infinity });
    expect(notices.map(({ kind }) => kind)).toEqual(["refused"]);
    expect(JSON.stringify(notices)).not.toContain(token);
  });

  it("polls where something in between cuts streams", async () => {
    const running = await startSwitch();
    const proxy = await proxyBefore(
      () => running.url,
      ({ url, socket }) => url === "/v1/events" && socket.destroy().destroyed,
    );
    const { client } = followSwitch({ urls: [proxy.url], token: agentToken(running) });
    await until(() => holds(client));
    const { monotonicUntil } = client.lease;
    await until(() => client.lease.monotonicUntil > monotonicUntil);
    await running.call("/v1/kill", { body: kill });
    await until(() => modeOf(client) === "stopped");
    expect(proxy.asked).toContain("/v1/events");
  });

  it("polls where something in between holds streams back", async () => {
    const running = await startSwitch();
    const proxy = await proxyBefore(
      () => running.url,
      ({ url }, response) => {
        if (url !== "/v1/events") return false;
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.flushHeaders();
        return true;
      },
    );
    const { client } = followSwitch({ urls: [proxy.url], token: agentToken(running) });
    await until(() => holds(client));
    await running.call("/v1/kill", { body: kill });
    await until(() => modeOf(client) === "stopped");
    // It goes on trying for the stream.
    await until(() => proxy.asked.filter((path) => path === "/v1/events").length > 1);
  });

  it("goes on to the next address where one is dead or silent", async () => {
    const running = await startSwitch();
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    const urls = ["http://127.0.0.1:9", `http://127.0.0.1:${port}/`, running.url];
    const { client } = followSwitch({ urls, token: agentToken(running) });
    await until(() => holds(client));
    await expect.poll(() => fleetOf(running), { timeout: 15_000 }).toMatchObject([{ state: "obeyed" }]);
  });

  it("does not hear another switch under the address, and says so", async () => {
    const [one, other] = [await startSwitch(), await startSwitch()];
    let now = { running: one, token: agentToken(one) };
    const proxy = await proxyBefore(
      () => now.running.url,
      ({ headers }) => {
        headers.authorization = `Bearer ${now.token}`;
        return false;
      },
    );
    const { client, notices } = followSwitch({ urls: [proxy.url], token: "any", leaseMs: 2_000 });
    await until(() => holds(client));
    const series = client.view?.series;
    now = { running: other, token: agentToken(other) };
    one.service.events.close();
    await until(() => !holds(client));
    expect(notices.map(({ kind }) => kind)).toContain("other-series");
    expect(client.view?.series).toBe(series);
  });
});

describe("a service that lost orders", () => {
  it("is told so, and stops everything; what was known is not forgotten meanwhile", async () => {
    const running = await startSwitch();
    let target = running.url;
    const proxy = await proxyBefore(() => target);
    const { client, notices } = followSwitch({ urls: [proxy.url], token: agentToken(running) });
    await until(() => holds(client));
    const backup = `${running.dataFile}.copy`;
    await copyDataFile(running.dataFile, backup);
    const modes: (string | null)[] = [];
    client.onChange(() => modes.push(modeOf(client)));
    await running.call("/v1/kill", { body: kill });
    await until(() => modeOf(client) === "stopped");
    await running.close();
    const restored = await startSwitch({ dataFile: backup, admin: running.admin });
    expect(restored.service.killSwitch.standing.epoch).toBe(0);
    target = restored.url;
    await until(() => client.view?.epoch === 2 && holds(client));
    expect(client.view?.orders).toMatchObject([{ scope: "*", mode: "stopped" }]);
    expect(new Set(modes)).toEqual(new Set(["stopped"]));
    expect(notices.map(({ kind }) => kind)).toContain("lost-order");
  });
});

describe("trips", () => {
  const trip = { signal: "error rate", figures: { errorRatePct: 40 }, type: "refund" };

  it("are repeated until they are answered, and give one order", async () => {
    const running = await startSwitch();
    let refusals = 0;
    const proxy = await proxyBefore(
      () => running.url,
      ({ url, socket }, response) => {
        if (url !== "/v1/trip" || ++refusals > 2) return false;
        if (refusals === 1) socket.destroy();
        else response.writeHead(503).end();
        return true;
      },
    );
    const { client } = followSwitch({ urls: [proxy.url], token: agentToken(running) });
    const answer = await client.trip(trip, "trip-1");
    expect(answer).toMatchObject({ scope: "support/refund", mode: "read-only", cause: "breaker", epoch: 1 });
    await until(() => client.view?.orders[0]?.scope === "support/refund");
    expect(await client.trip(trip, "trip-1")).toMatchObject({ epoch: 1, replayed: true });
  });

  it("end where they are refused for good, and with the client", async () => {
    const running = await startSwitch();
    const reader = followSwitch({ urls: [running.url], token: running.tokenFor("reader", ["read"]) });
    await expect(reader.client.trip(trip, "trip-2")).rejects.toThrow(TripRefused);
    const lost = followSwitch({ urls: ["http://127.0.0.1:9"], token: "none" });
    const waiting = lost.client.trip(trip, "trip-3");
    await lost.client.close();
    await expect(waiting).rejects.toThrow(ClientClosed);
  });
});

it("takes no address and no token that cannot be used, and does not repeat the token", () => {
  const token = "a b";
  expect(() => followSwitch({ urls: ["https://switch.example"], token })).toThrow(TypeError);
  expect(() => followSwitch({ urls: [], token: "t" })).toThrow("no address");
  for (const url of [
    "ftp://switch.example",
    "switch.example",
    "https://me:secret@switch.example",
    "https://s.example/?a=b",
  ]) {
    expect(() => followSwitch({ urls: [url], token: "t" })).toThrow(TypeError);
  }
});
