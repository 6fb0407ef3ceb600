import { describe, expect, it } from "vitest";
import { retryAfter } from "../../src/alerts/outcome.ts";
import { namedRoutes, routeKey, routeName } from "../../src/alerts/route.ts";

describe("a route's name", () => {
  it.each([
    [{ webhook: "https://hooks.example.com/T0KEN?key=s3cret" }, "webhook hooks.example.com"],
    [
      { webhook: { url: "https://user:pa55word@hooks.example.com:8443/x", secret: "whsec_x" } },
      "webhook hooks.example.com:8443",
    ],
    [{ webhook: "${HOOK_URL}/T0KEN" }, "webhook ${HOOK_URL}"],
    [{ webhook: "https://${HOOK_HOST}/T0KEN" }, "webhook ${HOOK_HOST}"],
    [{ webhook: "T0KEN@nowhere" }, "webhook"],
    [{ slack: "https://hooks.slack.com/services/T0KEN" }, "slack"],
    [{ pagerduty: "R0UTINGKEY" }, "pagerduty"],
    [{ pagerduty: { routingKey: "R0UTINGKEY", url: "https://pd.example.com" } }, "pagerduty"],
  ])("of %j", (route, name) => {
    expect(routeName(route)).toBe(name);
  });

  it("is told apart from others alike, and equal routes count once", () => {
    const [first, second] = [{ slack: "${ONE}" }, { slack: "${TWO}" }];
    expect(namedRoutes([first, second, { slack: "${ONE}" }]).map(({ name }) => name)).toEqual(["slack", "slack #2"]);
  });
});

it("a route's key stays the same over restarts and hides its values", () => {
  expect(routeKey({ webhook: { url: "https://a.example/T0KEN", secret: "x" } })).toBe(
    routeKey({ webhook: { secret: "x", url: "https://a.example/T0KEN" } }),
  );
  expect(routeKey({ slack: "T0KEN" })).toMatch(/^slack [0-9a-f]{16}$/);
});

it.each([
  [undefined, null],
  ["3", 3_000],
  [" 0.5 ", 500],
  ["Sun, 22 Nov 2026 10:00:30 GMT", 30_000],
  ["Sun, 22 Nov 2026 09:00:00 GMT", 0],
  ["soon", null],
  ["-5", null],
])("Retry-After %s", (header, ms) => {
  expect(retryAfter(header, Date.parse("2026-11-22T10:00:00Z"))).toBe(ms);
});
