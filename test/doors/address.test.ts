import { expect, it } from "vitest";
import { networkInterfaces } from "node:os";
import { hostOf, isLoopback, isThisMachine, originOf, resolveHost } from "../../src/doors/address.ts";

it.each([
  ["http://H.example:80/a", "http://h.example", "h.example"],
  ["https://u:p@h.example:8443/?q", "https://h.example:8443", "h.example"],
  ["http://[::1]:4100/", "http://[::1]:4100", "::1"],
  ["postgres://u:p@db:5432/x", "postgres://db:5432", "db"],
  ["sqlite:agent.db", "sqlite://", null],
  ["/relative", null, null],
])("finds origin and host of %s", (url, origin, host) => {
  expect(originOf(url)).toBe(origin);
  expect(hostOf(url)).toBe(host);
});

it.each([
  "localhost",
  "LOCALHOST.",
  "a.localhost",
  "127.0.0.1",
  "127.255.0.9",
  "::1",
  "[::1]",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
])("knows %s as this machine", (host) => {
  expect(isLoopback(host)).toBe(true);
});

it.each([
  "localhost.example.com",
  "127.0.0.1.example.com",
  "notlocalhost",
  "128.0.0.1",
  "10.0.0.1",
  "::2",
  "0.0.0.0",
  "",
])("does not take %s for this machine", (host) => {
  expect(isLoopback(host)).toBe(false);
});

it("looks hosts up, and says what was not found", async () => {
  expect(await resolveHost("127.0.0.1")).toEqual({ addresses: ["127.0.0.1"] });
  expect(await resolveHost("localhost")).toEqual({
    addresses: expect.arrayContaining([expect.stringMatching(/^(127\.0\.0\.1|::1)$/)]) as string[],
  });
  expect(await resolveHost("no-such-host.invalid")).toEqual({ why: "no-such-host.invalid was not found" });
});

it("knows every address of this machine, and no other", () => {
  const own = Object.values(networkInterfaces()).flatMap((ones) => ones ?? []);
  for (const { address } of own) expect(isThisMachine(address)).toBe(true);
  expect(isThisMachine("127.0.0.2")).toBe(true);
  expect(isThisMachine("192.0.2.1")).toBe(false);
});
