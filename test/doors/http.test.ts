import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import { connect as tcpConnect } from "node:net";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { HttpCall } from "../../src/config/call.ts";
import type { CallContext, CallFailed } from "../../src/doors/door.ts";
import { sendHttp } from "../../src/doors/http.ts";
import { contextOf, listen, nobody, serve, serveTcp } from "./servers.ts";

const TLS = join(import.meta.dirname, "../support/tls");

function get(url: string, more: Partial<CallContext> = {}): ReturnType<typeof sendHttp> {
  return sendHttp({ url }, contextOf({}, more));
}

function failureOf(call: HttpCall, context: CallContext): Promise<CallFailed> {
  return sendHttp(call, context).then(
    () => expect.fail("it was answered"),
    (error: CallFailed) => error,
  );
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

describe("sendHttp", () => {
  it("sends what the call says, filled in, and times the whole answer", async () => {
    let seen = {};
    const { url } = await serve(async (request, response) => {
      const { method, headers } = request;
      seen = {
        method,
        path: request.url,
        type: headers["content-type"],
        auth: headers["authorization"],
        body: await bodyOf(request),
      };
      response.writeHead(201, { "X-Pod": "a" }).end('{"ok":true}');
    });
    const call: HttpCall = {
      url: "/stop?scope=${scope}",
      method: "POST",
      headers: { Authorization: "Bearer ${TOKEN}" },
      json: { for: "${seconds}", reason: "${reason}" },
    };
    const placeholders = { scope: "drill/x", seconds: 40, reason: 'say "no"' };
    const began = performance.now();
    const answer = await sendHttp(call, contextOf({ TOKEN: "open-sesame" }, { base: url, placeholders }));
    expect(seen).toEqual({
      method: "POST",
      path: "/stop?scope=drill%2Fx",
      type: "application/json",
      auth: "Bearer open-sesame",
      body: '{"for":40,"reason":"say \\"no\\""}',
    });
    expect(answer).toMatchObject({ via: "http", status: 201, text: '{"ok":true}', headers: { "x-pod": "a" } });
    expect(answer.sentAt).toBeGreaterThanOrEqual(began);
    expect(answer.arrivedAt).toBeGreaterThan(answer.sentAt);
  });

  it("lets the context's headers win, and keeps a content type that is given", async () => {
    let headers: IncomingMessage["headers"] = {};
    const { url } = await serve((request, response) => {
      headers = request.headers;
      response.end();
    });
    const call: HttpCall = {
      url,
      json: {},
      headers: { "Content-Type": "application/problem+json", Traceparent: "mine" },
    };
    await sendHttp(call, contextOf({}, { headers: { traceparent: "ours", "clawproof-drill": "1" } }));
    expect(headers).toMatchObject({
      "content-type": "application/problem+json",
      traceparent: "ours",
      "clawproof-drill": "1",
    });
  });

  it("sends user and password of a URL as a header", async () => {
    const { url } = await serve((request, response) => response.end(request.headers.authorization));
    const answer = await sendHttp({ url: url.replace("://", "://kim:p%40ss@") }, contextOf());
    expect(answer.text).toBe(`Basic ${Buffer.from("kim:p@ss").toString("base64")}`);
  });

  it("has a connection of its own for every call, and closes it", async () => {
    let connections = 0;
    const { url, server } = await serve((_, response) => response.end());
    const closed: Promise<unknown>[] = [];
    server.on("connection", (socket) => {
      connections++;
      closed.push(once(socket, "close"));
    });
    for (let index = 0; index < 3; index++) await get(url);
    expect(connections).toBe(3);
    await Promise.all(closed);
  });

  it.each([401, 429, 502, 503])("brings a %i home as an answer", async (status) => {
    const { url } = await serve((_, response) => response.writeHead(status).end("<html>no</html>"));
    expect(await get(url)).toMatchObject({ status, text: "<html>no</html>" });
  });

  it("never shows a secret that comes back, raw or encoded", async () => {
    const token = "open/sesame+1";
    const { url } = await serve((request, response) => {
      const encoded = Buffer.from(`user:${token}`).toString("base64");
      response.setHeader("x-echo", token);
      response.end(`${request.headers.authorization} ${encodeURIComponent(token)} ${encoded}`);
    });
    const answer = await sendHttp({ url, headers: { authorization: "Bearer ${TOKEN}" } }, contextOf({ TOKEN: token }));
    expect(answer.text).toMatch(/^Bearer \$\{TOKEN\} \$\{TOKEN\} \S*\$\{TOKEN\}/);
    expect(answer.headers["x-echo"]).toBe("${TOKEN}");
  });
});

describe("sendHttp without an answer", () => {
  it("names the secret that is not set, and sends nothing", async () => {
    const failure = await failureOf({ url: "${SWITCH_URL}/stop" }, contextOf());
    expect(failure).toMatchObject({ kind: "missing-secret", why: "SWITCH_URL is not set" });
  });

  it("needs nothing of the base for a URL that is whole", async () => {
    const { url } = await serve((_, response) => response.end("ok"));
    for (const base of ["https://agent.${environment}.example.com", "${AGENT_URL}"]) {
      expect(await get(`${url}/state`, { base })).toMatchObject({ status: 200 });
      expect((await failureOf({ url: "/state" }, contextOf({}, { base }))).kind).not.toBe("gone");
    }
  });

  it("needs a base for a relative URL", async () => {
    expect(await failureOf({ url: "/x" }, contextOf())).toMatchObject({
      kind: "other",
      why: "a relative URL, and agent.url is not given",
    });
    expect(await failureOf({ url: "ftp://h/x" }, contextOf())).toMatchObject({
      kind: "other",
      why: "not an http or https URL",
    });
  });

  it("says that a connection was refused", async () => {
    expect(await failureOf({ url: await nobody() }, contextOf())).toMatchObject({
      kind: "gone",
      why: "connection refused",
    });
  });

  it("says that a connection was closed or reset", async () => {
    const closing = await serveTcp((socket) => socket.once("data", () => socket.end()));
    expect(await failureOf({ url: closing }, contextOf())).toMatchObject({
      kind: "gone",
      why: "connection closed without an answer",
    });
    const resetting = await serveTcp((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await failureOf({ url: resetting }, contextOf())).toMatchObject({ kind: "gone", why: "connection reset" });
  });

  it("does not take half an answer for an agent that is gone", async () => {
    const url = await serveTcp((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"));
    });
    expect(await failureOf({ url }, contextOf())).toMatchObject({
      kind: "other",
      why: "connection closed in the middle of the answer",
    });
  });

  it("says what hung: the answer, its end, or the handshake", async () => {
    const timeoutMs = 200;
    const silent = await serveTcp((socket) => socket.resume());
    const failure = await failureOf({ url: silent }, contextOf({}, { timeoutMs }));
    expect(failure).toMatchObject({ kind: "timeout", why: "no answer in 200 ms" });
    expect(failure.failedAt - failure.sentAt).toBeGreaterThanOrEqual(199);
    expect(failure.failedAt - failure.sentAt).toBeLessThan(1_000);
    const halting = await serveTcp((socket) =>
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal")),
    );
    expect(await failureOf({ url: halting }, contextOf({}, { timeoutMs }))).toMatchObject({
      kind: "timeout",
      why: "the answer did not end in 200 ms",
    });
    const noHandshake = silent.replace("http:", "https:");
    expect(await failureOf({ url: noHandshake, timeout: 300 }, contextOf({}, { timeoutMs }))).toMatchObject({
      kind: "timeout",
      why: "no connection in 300 ms",
    });
  });

  it("gives a limit to an answer that drips for ever", async () => {
    const url = await serveTcp((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        const drip = setInterval(() => socket.write("1\r\nx\r\n"), 20);
        socket.on("close", () => {
          clearInterval(drip);
        });
      });
    });
    expect(await failureOf({ url, timeout: 200 }, contextOf())).toMatchObject({ kind: "timeout" });
  });

  it("takes 1 MB and no more", async () => {
    const { url } = await serve((request, response) =>
      response.end("x".repeat(1024 * 1024 + Number(request.url?.slice(1)))),
    );
    expect((await get(`${url}/0`)).text).toHaveLength(1024 * 1024);
    expect(await failureOf({ url: `${url}/1` }, contextOf())).toMatchObject({
      kind: "too-large",
      why: "its answer is larger than 1 MB",
    });
  });

  it("says that a host was not found", async () => {
    const failure = await failureOf({ url: "http://no-such-host.invalid:8/" }, contextOf());
    expect(failure).toMatchObject({ kind: "not-found", why: "no-such-host.invalid was not found" });
  });

  it("says that what answers speaks no HTTP", async () => {
    const url = await serveTcp((socket) => socket.once("data", () => socket.end("SSH-2.0-OpenSSH_9.2\r\n")));
    expect(await failureOf({ url }, contextOf())).toMatchObject({
      kind: "other",
      why: expect.stringContaining("not HTTP") as string,
    });
  });

  it("ends at once when it is aborted, before and while it waits", async () => {
    const controller = new AbortController();
    const silent = await serveTcp((socket) =>
      socket.once("data", () => {
        controller.abort();
      }),
    );
    const context = contextOf({}, { signal: controller.signal });
    expect(await failureOf({ url: silent }, context)).toMatchObject({ kind: "aborted", why: "interrupted" });
    expect(await failureOf({ url: silent }, context)).toMatchObject({ kind: "aborted", why: "interrupted" });
  });

  it("refuses a header that HTTP does not allow without showing it", async () => {
    const { url } = await serve((_, response) => response.end());
    const failure = await failureOf({ url, headers: { a: "${TOKEN}" } }, contextOf({ TOKEN: "two\nlines" }));
    expect(failure).toMatchObject({ kind: "other", why: "HTTP does not allow this method, address or header" });
  });
});

describe("redirects", () => {
  async function redirecting(status: number, location: string): Promise<string> {
    const { url } = await serve(async (request, response) => {
      if (request.url === "/from") response.writeHead(status, { location }).end();
      else response.end(`${request.method} ${request.url} ${await bodyOf(request)}`);
    });
    return `${url}/from`;
  }

  it("are followed within the origin", async () => {
    expect((await get(await redirecting(302, "/to?a=1"))).text).toBe("GET /to?a=1 ");
    const kept = await sendHttp({ url: await redirecting(307, "/to"), method: "POST", body: "b" }, contextOf());
    expect(kept.text).toBe("POST /to b");
  });

  it("do not turn an order into a GET", async () => {
    expect(await sendHttp({ url: await redirecting(302, "/login"), method: "POST" }, contextOf())).toMatchObject({
      status: 302,
    });
  });

  it("are not followed to another origin", async () => {
    const call: HttpCall = { url: await redirecting(302, "https://other.example/x?secret=1"), method: "POST" };
    const failure = await failureOf(call, contextOf());
    expect(failure).toMatchObject({ kind: "redirect", why: "redirects to another origin (https://other.example)" });
  });

  it("are the answer where the call names their status", async () => {
    const url = await redirecting(302, "https://status.example/");
    expect(await sendHttp({ url, refused: [{ status: [302, 503] }] }, contextOf())).toMatchObject({ status: 302 });
  });

  it("end", async () => {
    expect(await failureOf({ url: await redirecting(302, "/from") }, contextOf())).toMatchObject({
      kind: "redirect",
      why: "redirects more than 5 times",
    });
  });
});

describe("certificates", () => {
  async function serveTls(): Promise<string> {
    const server = createTlsServer(
      { key: readFileSync(join(TLS, "key.pem")), cert: readFileSync(join(TLS, "cert.pem")) },
      (_, response) => response.end("hello"),
    );
    return `https://127.0.0.1:${await listen(server)}`;
  }

  it("are believed where `http.ca` names their authority, and else not", async () => {
    const url = await serveTls();
    const host = url.slice("https://".length);
    expect(await failureOf({ url }, contextOf())).toMatchObject({
      kind: "certificate",
      why: `the certificate of ${host} is self-signed`,
    });
    expect(await get(url, { http: { ca: join(TLS, "cert.pem") } })).toMatchObject({ status: 200, text: "hello" });
  });

  it("must be for the name that was asked", async () => {
    const url = (await serveTls()).replace("127.0.0.1", "a.localhost");
    const failure = await failureOf({ url }, contextOf({}, { http: { ca: join(TLS, "cert.pem") } }));
    expect(failure.why).toMatch(/the certificate of a\.localhost:\d+ is for another name|was not found/);
  });

  it.each([
    ["missing.pem", "missing.pem (http.ca) cannot be read"],
    [join(TLS, "key.pem"), `${join(TLS, "key.pem")} (http.ca) holds no certificate`],
  ])("say what is wrong with the authority's file %s", async (ca, why) => {
    expect(await failureOf({ url: "https://127.0.0.1:1" }, contextOf({}, { http: { ca } }))).toMatchObject({
      kind: "other",
      why,
    });
  });

  it("are not asked of a server without TLS", async () => {
    const { url } = await serve((_, response) => response.end());
    const failure = await failureOf({ url: url.replace("http:", "https:") }, contextOf());
    expect(failure).toMatchObject({ kind: "other", why: expect.stringContaining("does not speak TLS") as string });
  });
});

describe("proxies", () => {
  async function proxy(): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end("from the proxy");
    });
    server.on("connect", (request: IncomingMessage, socket) => {
      asked.push(`CONNECT ${request.url}`);
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    return { url: `http://127.0.0.1:${await listen(server)}`, asked };
  }

  it("are used for other machines: named by `http.proxy`, else by the environment", async () => {
    const { url, asked } = await proxy();
    expect(await get("http://agent.example/a", { http: { proxy: url } })).toMatchObject({ text: "from the proxy" });
    expect(await get("http://agent.example/b", { env: { HTTP_PROXY: url } })).toMatchObject({ text: "from the proxy" });
    const failure = await failureOf({ url: "https://agent.example/" }, contextOf({}, { env: { https_proxy: url } }));
    expect(failure).toMatchObject({ kind: "other", why: `proxy ${url.slice(7)}: did not let us through` });
    expect(asked).toEqual(["GET http://agent.example/a", "GET http://agent.example/b", "CONNECT agent.example:443"]);
  });

  it("are not used for this machine, nor for what NO_PROXY names", async () => {
    const { url, asked } = await proxy();
    const { url: own } = await serve((_, response) => response.end("direct"));
    expect(await get(own, { env: { HTTP_PROXY: url } })).toMatchObject({ text: "direct" });
    for (const noProxy of ["*", "agent.invalid", ".invalid", "x, agent.invalid:80"]) {
      const env = { HTTP_PROXY: url, NO_PROXY: noProxy };
      const failure = await failureOf({ url: "http://agent.invalid/" }, contextOf({}, { env }));
      expect(failure).toMatchObject({ kind: "not-found", why: "agent.invalid was not found" });
    }
    expect(asked).toEqual([]);
  });

  it("never make an agent look gone", async () => {
    const failure = await failureOf(
      { url: "http://agent.example/" },
      contextOf({}, { http: { proxy: await nobody() } }),
    );
    expect(failure).toMatchObject({
      kind: "other",
      why: expect.stringMatching(/^proxy 127.*: connection refused$/) as string,
    });
  });
});

it("tells a socket that closes at once from an answer", async () => {
  const url = await serveTcp((socket) => socket.destroy());
  expect(await failureOf({ url }, contextOf())).toMatchObject({ kind: "gone" });
  // The helper's own servers must not be what keeps it open.
  const { port } = new URL(url);
  await once(tcpConnect(Number(port), "127.0.0.1"), "close");
});
