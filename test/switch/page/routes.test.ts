import { describe, expect, it } from "vitest";
import { pageRoutes, type SignIn } from "../../../src/switch/service/page.ts";
import { Sessions } from "../../../src/switch/service/page/sessions.ts";

const OWN = "https://stop.example.net";

function page(answer: SignIn = { ok: true, tokenId: "t1", name: "kim", roles: ["kill"] }) {
  const sessions = new Sessions();
  const asked: string[][] = [];
  const app = pageRoutes({
    signIn: (token, address) => {
      asked.push([token, address]);
      return answer;
    },
    sessions,
    address: () => "192.0.2.7",
    isOwnOrigin: (request) => request.headers.get("origin") === OWN,
    serviceName: `kim's <b>"switch"</b> $& {{signedIn}}`,
  });
  return { app, sessions, asked };
}

const signIn = (body: string, headers: Record<string, string> = {}) => ({
  method: "POST",
  body,
  headers: { origin: OWN, "content-type": "application/json", ...headers },
});

describe("the page's files", () => {
  it("come with a policy that runs nothing but the page's own script", async () => {
    const answer = await page().app.request("/");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=UTF-8");
    expect(answer.headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(answer.headers.get("cache-control")).toBe("no-store");
    for (const [name, value] of [
      ["x-content-type-options", "nosniff"],
      ["referrer-policy", "no-referrer"],
      ["cross-origin-opener-policy", "same-origin"],
    ])
      expect(answer.headers.get(name ?? "")).toBe(value);
    const html = await answer.text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/i);
  });

  it("name the service as text, whatever its name", async () => {
    const html = await (await page().app.request("/")).text();
    expect(html).toContain(
      '<h1 id="service">kim&#39;s &#60;b&#62;&#34;switch&#34;&#60;/b&#62; $&#38; {{signedIn}}</h1>',
    );
    expect(html).toContain('data-signed-in="no"');
  });

  it("are all there, typed, and not sent twice", async () => {
    const { app } = page();
    const html = await (await app.request("/")).text();
    const named = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? "");
    expect(named).toContain("/page.mjs");
    for (const path of named) {
      const answer = await app.request(path);
      expect(answer.status, path).toBe(200);
      expect(answer.headers.get("content-type")).toMatch(path.endsWith(".css") ? /^text\/css/ : /^text\/javascript/);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      const imported = [...(await answer.text()).matchAll(/from "\.(\/[^"]+)"/g)].map(([, other]) => other ?? "");
      expect(named).toEqual(expect.arrayContaining(imported));
      const again = await app.request(path, { headers: { "if-none-match": answer.headers.get("etag") ?? "" } });
      expect(again.status).toBe(304);
    }
  });
});

describe("signing in", () => {
  it("opens a session, ends the one before, and the document knows", async () => {
    const { app, sessions, asked } = page();
    const first = await app.request("/session", signIn('{"token":" secret\\n"}'));
    expect(first.status).toBe(200);
    expect(await first.json()).toEqual({ name: "kim", roles: ["kill"] });
    expect(asked).toEqual([["secret", "192.0.2.7"]]);
    const cookie = first.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect(sessions.tokenIdOf(cookie)).toBe("t1");
    expect(await (await app.request("/", { headers: { cookie } })).text()).toContain('data-signed-in="yes"');
    await app.request("/session", signIn('{"token":"secret"}', { cookie }));
    expect(sessions.tokenIdOf(cookie)).toBeNull();
  });

  it("ends with a DELETE", async () => {
    const { app, sessions } = page();
    const cookie = sessions.open("t1").split(";")[0] ?? "";
    const answer = await app.request("/session", { method: "DELETE", headers: { origin: OWN, cookie } });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("set-cookie")).toMatch(/^__Host-clawproof=; .*Max-Age=0$/);
    expect(sessions.tokenIdOf(cookie)).toBeNull();
  });

  it.each(["POST", "DELETE"])("%s is refused from another origin, and from none", async (method) => {
    const { app, sessions, asked } = page();
    const cookie = sessions.open("t1").split(";")[0] ?? "";
    for (const origin of [{ origin: "https://evil.example" }, { origin: "null" }, {}]) {
      const headers = { "content-type": "application/json", cookie, ...origin };
      const answer = await app.request("/session", {
        method,
        headers: headers as Record<string, string>,
        ...(method === "POST" && { body: '{"token":"secret"}' }),
      });
      expect(answer.status).toBe(403);
      expect(answer.headers.get("set-cookie")).toBeNull();
    }
    expect(asked).toEqual([]);
    expect(sessions.tokenIdOf(cookie)).toBe("t1");
  });

  it.each([
    ["another content type", signIn("token=secret", { "content-type": "application/x-www-form-urlencoded" }), 415],
    ["no JSON", signIn("{"), 400],
    ["no token", signIn('{"token":7}'), 400],
    ["an empty token", signIn('{"token":"  "}'), 400],
  ])("refuses %s", async (_name, request, status) => {
    const { app, asked } = page();
    const answer = await app.request("/session", request);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ error: expect.any(String) });
    expect(asked).toEqual([]);
  });

  it("says what a wrong token, too many of them, and an agent's token are", async () => {
    const wrong = await page({ ok: false, status: 401 }).app.request("/session", signIn('{"token":"x"}'));
    expect([wrong.status, await wrong.json()]).toEqual([401, { error: "unknown, expired or revoked token" }]);
    const flood = await page({ ok: false, status: 429, retryAfterSeconds: 30 }).app.request(
      "/session",
      signIn('{"token":"x"}'),
    );
    expect([flood.status, flood.headers.get("retry-after")]).toEqual([429, "30"]);
    expect(await flood.json()).toEqual({ error: "too many failed sign-ins; try again in 30 s" });
    const agent = await page({ ok: true, tokenId: "t", name: "pod", roles: ["agent"] }).app.request(
      "/session",
      signIn('{"token":"x"}'),
    );
    expect([agent.status, agent.headers.get("set-cookie")]).toEqual([403, null]);
  });
});
