import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { deliver } from "../../src/alerts/deliver.ts";
import { contextOf, nobody, serveTcp } from "../doors/servers.ts";
import { answering, newsOf, receiver } from "./support.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

describe("a webhook", () => {
  it("is signed so that the package's own verifier accepts it, and says everything", async () => {
    const { url, received } = await receiver(answering(204));
    const news = newsOf({ reason: "costs ${HOOK_SECRET} & “more”" });
    const route = { webhook: { url: `${url}/in`, secret: "${HOOK_SECRET}" } };
    const outcome = await deliver(route, news, contextOf({ HOOK_SECRET: SECRET }));
    expect(outcome).toEqual({ outcome: "delivered", status: 204, final: true });
    const [{ headers, body, path, method } = { headers: {}, body: "", path: "", method: "" }] = received;
    expect({ path, method, id: headers["webhook-id"] }).toEqual({ path: "/in", method: "POST", id: "msg_1" });
    expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual({
      type: "clawproof.kill",
      timestamp: news.at,
      data: news,
    });
    expect(() => new Webhook(SECRET).verify(`${body} `, headers as Record<string, string>)).toThrow("signature");
  });

  it("goes without a signature where the route has no secret", async () => {
    const { url, received } = await receiver();
    expect(await deliver({ webhook: url }, newsOf(), contextOf())).toMatchObject({ outcome: "delivered" });
    expect(received[0]?.headers).toMatchObject({ "webhook-id": "msg_1", "content-type": "application/json" });
    expect(received[0]?.headers["webhook-signature"]).toBeUndefined();
  });

  it.each([
    "",
    "hunter2hunter2",
    "whsec_",
    "whsec_short",
    `whsec_${Buffer.alloc(65).toString("base64")}`,
    "whsec_a=b!",
  ])(
    "with the secret %j is not sent, and the outcome says what a secret is without telling this one",
    async (secret) => {
      const { url, received } = await receiver();
      const outcome = await deliver({ webhook: { url, secret } }, newsOf(), contextOf());
      expect(outcome).toMatchObject({ outcome: "failed", final: false });
      expect(outcome.why).toMatch(/^the webhook's secret is not one of Standard Webhooks: whsec_ and 24 to 64/);
      if (secret.length > 6) expect(outcome.why).not.toContain(secret);
      expect(received).toEqual([]);
    },
  );

  it.each([
    [400, true, "answered 400"],
    [401, true, "answered 401: it does not let us in"],
    [408, false, "answered 408"],
    [410, true, "answered 410: it is gone"],
    [429, false, "answered 429: too many messages"],
    [500, false, "answered 500"],
    [503, false, "answered 503"],
  ])("that answers %i failed (final: %s)", async (status, final, why) => {
    const { url } = await receiver(answering(status, "sorry, T0KENT0KEN is wrong"));
    const outcome = await deliver({ webhook: `${url}/T0KENT0KEN` }, newsOf(), contextOf());
    expect(outcome).toMatchObject({ outcome: "failed", status, final });
    expect(outcome.why).toContain(why);
    expect(outcome.why).not.toContain("T0KEN");
  });

  it.each([301, 302, 303, 307, 308])("that redirects with %i is not followed, wherever to", async (status) => {
    const { url: elsewhere, received } = await receiver();
    for (const location of ["/other", `${elsewhere}/other`]) {
      const { url, received: first } = await receiver(answering(status, "", { location }));
      const outcome = await deliver({ webhook: url }, newsOf(), contextOf());
      expect(outcome).toMatchObject({ outcome: "failed", status });
      expect(outcome.why).toMatch(/^answered 30\d: it redirects.* alerts follow no redirect; name the address itself$/);
      expect(first).toHaveLength(1);
    }
    expect(received).toEqual([]);
  });

  it("that is not there, hangs up or has a secret that nobody set failed, and may be tried again", async () => {
    const closing = await serveTcp((socket) => socket.destroy());
    const whys: unknown[] = [];
    for (const webhook of [await nobody(), closing, "${HOOK_URL}"]) {
      const outcome = await deliver({ webhook }, newsOf(), contextOf());
      expect(outcome).toMatchObject({ outcome: "failed", final: false });
      whys.push(outcome.why);
    }
    expect(whys).toEqual(["connection refused", expect.stringMatching(/^connection/), "HOOK_URL is not set"]);
  });

  it("that hangs, before the answer or in the middle of it, is given up", async () => {
    const silent = await serveTcp(() => undefined);
    const halting = await serveTcp((socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nok"));
    const context = contextOf({}, { timeoutMs: 200, http: { timeout: 60_000 } });
    const outcomes = await Promise.all([silent, halting].map((webhook) => deliver({ webhook }, newsOf(), context)));
    expect(outcomes).toEqual([
      { outcome: "failed", why: "no answer in 200 ms", final: false },
      { outcome: "failed", why: "the answer did not end in 200 ms", final: false },
    ]);
  });
});
