import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { FleetAnswer, ReportRequest, StateMessage } from "../../../src/switch/protocol/messages.ts";
import { startSwitch } from "../support.ts";
import { focusRing, lowContrast, tooSmall } from "./audit.mjs";

/** The page in real Chromium, before a real service. */

const CHROMIUM = "/usr/bin/chromium";
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  colorScheme: "dark",
  hasTouch: true,
  isMobile: true,
};
const DESK: BrowserContextOptions = { viewport: { width: 1280, height: 800 }, colorScheme: "light" };
/** Only against hanging: how fast a page loads says nothing, what it then shows has its own limit. */
const HANGING_MS = 120_000;
const isThere = existsSync(CHROMIUM);

if (!isThere && process.env.CI === "true")
  it("need Chromium (apt-get install chromium)", () => {
    expect.fail(`${CHROMIUM} is missing: apt-get install chromium`);
  });

const TITLE = isThere ? "the page" : "the page: need Chromium (apt-get install chromium)";

describe.skipIf(!isThere)(TITLE, { timeout: HANGING_MS }, () => {
  let browser: Browser;
  let service: Awaited<ReturnType<typeof startSwitch>>;
  /** By device and token: signing in by hand once is enough. */
  const contexts = new Map<string, BrowserContext>();
  /** What the browser complained about; a refusal that a test provokes is taken out by it. */
  const complaints: string[] = [];

  beforeAll(async () => {
    [browser, service] = await Promise.all([
      chromium.launch({
        executablePath: CHROMIUM,
        headless: true,
        args: [
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
        ],
      }),
      startSwitch(),
    ]);
  }, HANGING_MS);

  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  afterEach(async () => {
    const pages = [...contexts.values()].flatMap((context) => context.pages());
    await Promise.all(pages.map((page) => page.close()));
    expect(complaints.splice(0)).toEqual([]);
  });

  async function contextFor(options: BrowserContextOptions, token: string): Promise<BrowserContext> {
    const key = `${String(options.colorScheme)} ${token}`;
    const context = contexts.get(key) ?? (await browser.newContext(options));
    contexts.set(key, context);
    return context;
  }

  /** A page of somebody who has not signed in. */
  async function open(options: BrowserContextOptions, path = "/"): Promise<Page> {
    const context = await contextFor(options, "");
    await context.clearCookies();
    return load(await context.newPage(), path);
  }

  async function load(page: Page, path: string): Promise<Page> {
    page.setDefaultTimeout(8_000);
    page.setDefaultNavigationTimeout(HANGING_MS / 2);
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(service.url + path);
    return page;
  }

  async function signIn(page: Page, token: string): Promise<void> {
    await page.getByLabel("Your token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator("#signed-in").waitFor();
  }

  async function opened(options: BrowserContextOptions, path: string, token = service.admin): Promise<Page> {
    const context = await contextFor(options, token);
    if ((await context.cookies()).length === 0) await context.addCookies([await cookieFor(token)]);
    const page = await load(await context.newPage(), path);
    await page.locator('#state:not([data-mode="unknown"])').waitFor();
    return page;
  }

  async function cookieFor(token: string) {
    const { url } = service;
    const headers = { origin: url, "content-type": "application/json" };
    const answer = await fetch(`${url}/session`, { method: "POST", headers, body: JSON.stringify({ token }) });
    const [, name = "", value = ""] = /^([^=]+)=([^;]+)/.exec(answer.headers.get("set-cookie") ?? "") ?? [];
    return { name, value, domain: "127.0.0.1", path: "/", secure: true, httpOnly: true, sameSite: "Strict" as const };
  }

  async function call<T>(method: string, path: string, body?: object, token = service.admin): Promise<T> {
    const answer = await fetch(service.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === "" ? null : JSON.parse(text)) as T;
  }

  const state = (): Promise<StateMessage> => call("GET", "/v1/state");
  const ordersOn = async (scope: string) => (await state()).orders.filter((order) => order.scope === scope);

  async function report(agent: string, token: string, instances: readonly string[]): Promise<void> {
    const { series, epoch } = await state();
    for (const instance of instances)
      await call("POST", "/v1/report", { instance, agent, series, epoch } satisfies ReportRequest, token);
  }

  const text = (page: Page, selector: string, words: string | RegExp) =>
    page.locator(selector).filter({ hasText: words }).waitFor();

  it("asks for a token, says that one is wrong, and stays signed in with a right one", async () => {
    const page = await open(PHONE);
    expect(await page.evaluate(lowContrast)).toEqual([]);
    expect(await page.evaluate(tooSmall)).toEqual([]);
    expect(await page.getByLabel("Your token").getAttribute("autocomplete")).toBe("current-password");
    await page.getByLabel("Your token").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).tap();
    await text(page, "#sign-in-error", "Not signed in: unknown, expired or revoked token.");
    expect(complaints.splice(0)).toEqual([expect.stringContaining("401")]);
    await signIn(page, service.admin);
    const cookies = await page.context().cookies();
    expect(cookies).toEqual([
      expect.objectContaining({
        name: "__Host-clawproof",
        secure: true,
        httpOnly: true,
        sameSite: "Strict",
        path: "/",
      }),
    ]);
    await page.reload();
    await text(page, "#mode", "RUNNING");
    await page.getByRole("button", { name: "Sign out" }).tap();
    await page.getByLabel("Your token").waitFor();
    expect(await page.context().cookies()).toEqual([]);
  });

  it("stops with two taps on a phone, shows who obeys as it happens, and lets act again", async () => {
    const agent = service.tokenFor("phone-pods", ["agent"], "phone-agent");
    await report("phone-agent", agent, ["pod-1", "pod-2"]);
    const page = await opened(PHONE, "/?scope=phone-agent");
    await text(page, "#obedience", "2 of 2 instances up to date");
    expect(await page.getByLabel("Agent", { exact: true }).inputValue()).toBe("phone-agent");
    expect(await page.evaluate(lowContrast)).toEqual([]);
    expect(await page.evaluate(tooSmall)).toEqual([]);

    const stop = page.getByRole("button", { name: "Stop phone-agent" });
    const box = await stop.boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeGreaterThan(780);
    await stop.tap();
    expect(await page.evaluate(lowContrast)).toEqual([]);
    expect(await page.evaluate(tooSmall)).toEqual([]);
    await afterTheDoubleTap(page);
    await page.getByRole("button", { name: "Wrong actions" }).tap();
    await text(page, "#mode", "STOPPED");
    await text(page, "#covering", /^since \d\d:\d\d by \S+ — Wrong actions$/);
    await text(page, "#outcome-words", /^Stopped phone-agent at \d\d:\d\d:\d\d by \S+ \(order \d+\)\.$/);
    await text(page, "#obedience", "0 of 2 instances stopped; pending: pod-1, pod-2");
    await report("phone-agent", agent, ["pod-1"]);
    await text(page, "#obedience", "1 of 2 instances stopped; pending: pod-2");
    expect(await page.evaluate(lowContrast)).toEqual([]);
    expect(await page.evaluate(tooSmall)).toEqual([]);
    expect(await page.title()).toMatch(/^STOPPED phone-agent · /);

    await page.getByRole("button", { name: "Let phone-agent act again" }).tap();
    await afterTheDoubleTap(page);
    await page.locator("#dialog-confirm").tap();
    await text(page, "#dialog-error", "Say why");
    await page.getByRole("button", { name: "False alarm" }).tap();
    expect(await ordersOn("phone-agent")).toHaveLength(1);
    await page.locator("#dialog-confirm").tap();
    await text(page, "#mode", "RUNNING");
    await text(page, "#outcome-words", "Let phone-agent act again at");
    expect(await ordersOn("phone-agent")).toEqual([]);
    await text(page, "#orders", "Let act again: phone-agent");
  });

  it("stops with the keyboard alone, and takes every text as text", async () => {
    const page = await open(DESK, "/?scope=key-agent");
    const nasty = '<img src="x" onerror="document.title=1">';
    await page.keyboard.type(service.admin);
    await page.keyboard.press("Enter");
    await text(page, "#mode", "RUNNING");
    expect(await page.evaluate(lowContrast)).toEqual([]);
    await page.keyboard.press("Tab");
    expect(await page.locator(":focus").textContent()).toBe("Stop key-agent");
    expect(await page.evaluate(focusRing)).toBe("solid 3px");
    await page.keyboard.press("Enter");
    await text(page, "#dialog-warning", "No instance has reported for key-agent.");
    expect(await page.evaluate(lowContrast)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.locator("#dialog").waitFor({ state: "hidden" });
    expect(await ordersOn("key-agent")).toEqual([]);
    await page.keyboard.press("Enter");
    await afterTheDoubleTap(page);
    await page.keyboard.press("Enter");
    await text(page, "#dialog-error", "Say why");
    await page.keyboard.type(nasty);
    await page.keyboard.press("Enter");
    await text(page, "#covering", nasty);
    await text(page, "#orders", nasty);
    expect(await page.locator("main img").count()).toBe(0);
    expect(await page.locator(":focus").textContent()).toBe("key-agent is stopped");
    expect(await page.evaluate(lowContrast)).toEqual([]);
    expect((await ordersOn("key-agent")).map(({ reason, mode }) => [reason, mode])).toEqual([[nasty, "stopped"]]);
    const turning = { scope: "key-agent", reason: "not\u202ewrong" };
    await service.call("/v1/kill", { token: service.admin, body: turning });
    await text(page, "#covering", "not wrong");
    await text(page, "#orders", "not wrong");
  });

  it("makes one order of a double tap, and none of one on the button that only asks", async () => {
    const page = await opened(PHONE, "/?scope=twice-agent");
    const before = (await state()).epoch;
    const twice = async (name: string): Promise<void> => {
      const box = await page.getByRole("button", { name }).boundingBox();
      const [x, y] = [(box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2];
      await page.touchscreen.tap(x, y);
      await page.touchscreen.tap(x, y);
    };
    await twice("Stop twice-agent");
    await page.locator("#dialog[open]").waitFor();
    await afterTheDoubleTap(page);
    await twice("Drill");
    await text(page, "#mode", "STOPPED");
    expect((await state()).epoch).toBe(before + 1);
  });

  it("sends an order again under the same key where the answer is lost", async () => {
    const page = await opened(DESK, "/?scope=lossy-agent");
    const before = (await state()).epoch;
    const keys: (string | undefined)[] = [];
    await page.route("**/v1/kill", async (route) => {
      keys.push(route.request().headers()["idempotency-key"]);
      if (keys.length > 1) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await page.getByRole("button", { name: "Set lossy-agent to read-only" }).click();
    await afterTheDoubleTap(page);
    await page.getByRole("button", { name: "Suspicious behaviour" }).click();
    await text(page, "#outcome-words", "Set lossy-agent to read-only at");
    await text(page, "#mode", "READ-ONLY");
    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), keys[0]]);
    expect((await state()).epoch).toBe(before + 1);
    expect(complaints.splice(0)).toEqual([expect.stringContaining("ERR_FAILED")]);
  });

  it("never shows a stop as done that somebody released before its answer arrived", async () => {
    const page = await opened(DESK, "/?scope=undone-agent");
    const keys: (string | undefined)[] = [];
    await page.route("**/v1/kill", async (route) => {
      keys.push(route.request().headers()["idempotency-key"]);
      if (keys.length > 2) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await page.getByRole("button", { name: "Stop undone-agent" }).click();
    await afterTheDoubleTap(page);
    await page.getByRole("button", { name: "Wrong actions" }).click();
    await text(page, "#dialog-error", "No answer from the service");
    await call("POST", "/v1/release", { scope: "undone-agent", reason: "somebody else" });
    await page.locator("#dialog-confirm").click();
    await text(page, "#dialog-error", /^undone-agent is RUNNING: .+ released it meanwhile\. Press again to stop/);
    expect(await page.locator("#outcome").isVisible()).toBe(false);
    expect(await ordersOn("undone-agent")).toEqual([]);
    await page.locator("#dialog-confirm").click();
    await text(page, "#outcome-words", "Stopped undone-agent at");
    await text(page, "#mode", "STOPPED");
    expect(await ordersOn("undone-agent")).toHaveLength(1);
    expect(keys).toEqual([keys[0], keys[0], keys[0], expect.not.stringMatching(String(keys[0]))]);
    expect(complaints.splice(0).filter((one) => !one.includes("ERR_FAILED"))).toEqual([]);
  });

  it("names what is held of a scope that may act", async () => {
    await call("POST", "/v1/kill", { scope: "part-agent/refund", reason: "drill" });
    const page = await opened(DESK, "/?scope=part-agent");
    await text(page, "#mode", "RUNNING");
    await text(page, "#exceptions", "Except part-agent/refund: see “Also held back”.");
  });

  it("takes another scope in free text, and none that is none", async () => {
    const page = await (await contextFor(DESK, service.admin)).newPage();
    await load(page, "/?scope=not%20a%20scope");
    await text(page, "#other-error", "This is no scope.");
    await page.locator("#stop").click({ force: true });
    expect(await page.locator("#dialog[open]").count()).toBe(0);
    await page.locator("#other-scope").fill("billing-agent/refund");
    await text(page, "#subject", "billing-agent/refund");
    expect(page.url()).toBe(`${service.url}/?scope=billing-agent%2Frefund`);
    await page.getByRole("button", { name: "Stop billing-agent/refund" }).waitFor();
    await page.getByLabel("Agent", { exact: true }).selectOption({ label: "All agents" });
    await page.getByRole("button", { name: "Stop all agents" }).waitFor();
  });

  it("offers no button to a token that may only read", async () => {
    await call("POST", "/v1/kill", { scope: "read-agent", reason: "drill" });
    const page = await opened(DESK, "/?scope=read-agent", service.tokenFor("looker", ["read"]));
    await text(page, "#mode", "STOPPED");
    await text(page, "#may-not", "Your token may look, but not stop anything.");
    for (const name of [/^Stop/, /read-only/, /act again/])
      expect(await page.getByRole("button", { name }).count(), String(name)).toBe(0);
  });

  it("signs out as soon as the token is revoked", async () => {
    const page = await opened(DESK, "/", service.tokenFor("leaver", ["kill"]));
    await call("DELETE", "/v1/tokens/leaver");
    await text(page, "#signed-out-why", "You were signed out: the token was revoked");
    expect(await page.locator("#signed-in").isVisible()).toBe(false);
    expect(complaints.splice(0).filter((one) => !one.includes("401"))).toEqual([]);
  });

  it("says loudly that the connection is lost, and stops all the same", async () => {
    const page = await (await contextFor(DESK, service.admin)).newPage();
    await page.clock.install();
    let streams = 0;
    let isDown = true;
    await page.route("**/v1/events", async (route) => {
      streams += 1;
      if (streams > 1) return route.abort();
      const body = `event: state\ndata: ${JSON.stringify(await state())}\n\n`;
      return route.fulfill({ contentType: "text/event-stream", body });
    });
    await page.route("**/v1/state", (route) => (isDown ? route.abort() : route.continue()));
    await load(page, "/?scope=lost-agent");
    await text(page, "#mode", "RUNNING");
    await page.clock.fastForward(5_000);
    await text(
      page,
      "#connection",
      /^Connection lost: what you see is from \d\d:\d\d:\d\d\. The stop button still tries\.$/,
    );
    expect(await page.evaluate(lowContrast)).toEqual([]);
    await page.getByRole("button", { name: "Stop lost-agent" }).click();
    await afterTheDoubleTap(page);
    await page.getByRole("button", { name: "Customers affected" }).click();
    await text(page, "#outcome-words", "Stopped lost-agent at");
    expect(await ordersOn("lost-agent")).toHaveLength(1);
    isDown = false;
    await page.clock.runFor(2_000);
    await text(page, "#connection", "Live connection lost, asking every 2 seconds");
    await text(page, "#mode", "STOPPED");
    expect(complaints.splice(0).filter((one) => !one.includes("ERR_FAILED"))).toEqual([]);
  });

  it("answers nobody who comes from elsewhere", async () => {
    const { name, value } = await cookieFor(service.admin);
    const cookie = `${name}=${value}`;
    const headers = { cookie, origin: "https://evil.example", "content-type": "application/json" };
    const body = JSON.stringify({ scope: "*", reason: "forged" });
    const forged = await fetch(`${service.url}/v1/kill`, { method: "POST", headers, body });
    expect(forged.status).toBe(403);
    expect(await ordersOn("*")).toEqual([]);
    expect((await call<FleetAnswer>("GET", "/v1/fleet")).epoch).toBe((await state()).epoch);
  });

  /** The dialog does not hear the second half of a double tap. */
  async function afterTheDoubleTap(page: Page): Promise<void> {
    await page.locator('#dialog[data-ready="yes"]').waitFor();
  }
});
