import { describe, expect, it } from "vitest";
import type { CallVariation } from "../../src/config/call.ts";
import type { Call } from "../../src/doors/door.ts";
import { describeCall, send, sendAs, varied } from "../../src/doors/send.ts";
import { contextOf, serve } from "./servers.ts";

describe("send", () => {
  it("chooses by kind", async () => {
    const { url } = await serve((_, response) => response.end());
    expect(await send({ url }, contextOf())).toMatchObject({ via: "http", status: 200 });
    expect(await send({ command: ["true"] }, contextOf())).toMatchObject({ via: "command", exit: 0 });
  });

  it("sends a call as somebody else", async () => {
    const { url } = await serve((request, response) =>
      response.end(`${request.method} ${request.headers.authorization}`),
    );
    const base: Call = { url, method: "POST", headers: { Authorization: "Bearer switch" }, json: {} };
    const answer = await sendAs({ headers: { authorization: "Bearer agent" } }, base, contextOf());
    expect(answer).toMatchObject({ text: "POST Bearer agent" });
    expect(await sendAs({ token: "own" }, base, contextOf())).toMatchObject({ text: "POST Bearer own" });
  });
});

describe("varied", () => {
  const request: Call = {
    url: "http://h/a",
    method: "POST",
    json: { a: 1 },
    headers: { "X-A": "1" },
    timeout: 5,
    expect: { status: 200 },
  };

  it("takes what the variation names and leaves the rest", () => {
    expect(varied({ url: "http://h/b", body: "text", expect: { status: 403 } }, request)).toEqual({
      url: "http://h/b",
      method: "POST",
      body: "text",
      headers: { "x-a": "1" },
      timeout: 5,
      expect: { status: 403 },
    });
    expect(varied({ command: ["kill"] }, request)).toEqual({ command: ["kill"] });
    expect(varied({ timeout: 7 }, { command: ["kill"], timeout: 5 })).toEqual({ command: ["kill"], timeout: 7 });
    expect(varied({ url: "http://h/b" }, { command: ["kill"] })).toMatchObject({ url: "http://h/b" });
  });

  it.each<[CallVariation, Call]>([
    [{ headers: { a: "b" } }, { command: ["kill"] }],
    [{ token: "t" }, { command: ["kill"] }],
    [{ expect: { exit: 1 } }, request],
    [{ command: ["kill"], expect: { status: 1 } }, request],
  ])("does not lay %o over what it cannot vary", async (variation, base) => {
    expect(varied(variation, base)).toHaveProperty("why");
    await expect(sendAs(variation, base, contextOf())).rejects.toMatchObject({ name: "CallFailed", kind: "other" });
  });
});

describe("describeCall", () => {
  const env = { TOKEN: "open-sesame", BASE: "http://secret.example/api" };
  it.each<[Call, string | undefined, string]>([
    [
      { url: "http://127.0.0.1:4200/stop?scope=${scope}", method: "POST" },
      undefined,
      "POST http://127.0.0.1:4200/stop",
    ],
    [{ url: "http://kim:pw@h/stop#x", json: {} }, undefined, "POST http://h/stop"],
    [{ url: "https://${TOKEN}:x@h/${TOKEN}/a" }, undefined, "GET https://h/${TOKEN}/a"],
    [
      { url: "/accounts/${scope}?q" },
      "https://agent.${environment}.example.com/v1",
      "GET https://agent.staging.example.com/accounts/drill%2Fx",
    ],
    [{ url: "/a/${TOKEN}" }, "http://h/v1", "GET http://h/a/${TOKEN}"],
    [{ url: "/a" }, "${BASE}", "GET ${BASE}/a"],
    [{ url: "a" }, "https://${TOKEN}/v1", "GET https://${TOKEN}/a"],
    [{ url: "${BASE}/stop" }, undefined, "GET ${BASE}/stop"],
    [{ url: "${UNSET:-http://h}/stop" }, undefined, "GET http://h/stop"],
    [{ url: "/a" }, undefined, "GET /a"],
    [
      { command: ["node", "kill.mjs", "--token", "${TOKEN}", "http://u:p@h/x?y"] },
      undefined,
      "node kill.mjs --token ${TOKEN} http://h/x",
    ],
  ])("names %o from %o as evidence may", async (call, base, shown) => {
    const placeholders = { scope: "drill/x", environment: "staging" };
    expect(await describeCall(call, contextOf(env, { placeholders, ...(base === undefined ? {} : { base }) }))).toBe(
      shown,
    );
  });
});
