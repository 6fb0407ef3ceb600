import { expect, it } from "vitest";
import { routeTestLine, testRoutes } from "../../src/alerts/test-routes.ts";
import { contextOf } from "../doors/servers.ts";
import { answering, newsOf, receiver } from "./support.ts";

it("tries every route once and says what that proved and what not", async () => {
  const signed = await receiver(answering(200));
  const unsigned = await receiver(answering(201));
  const slack = await receiver(answering(200, "ok"));
  const pagerduty = await receiver(answering(202));
  const broken = await receiver(answering(500));
  const secret = `whsec_${Buffer.alloc(24, 1).toString("base64")}`;
  const routes = [
    { webhook: { url: signed.url, secret } },
    { webhook: unsigned.url },
    { slack: slack.url },
    { pagerduty: { routingKey: "k".repeat(32), url: pagerduty.url } },
    { webhook: broken.url },
  ];
  const tested = await testRoutes(routes, contextOf(), newsOf({ kind: "test", epoch: null, mode: null }));
  expect(tested.map(routeTestLine)).toEqual([
    `webhook ${signed.host}: delivered: answered 200; not proved that the signature was checked`,
    `webhook ${unsigned.host}: delivered: answered 201; not signed, so that anybody could send the like: give the route a \`secret\``,
    "slack: delivered: Slack posted it; not proved that anybody reads the channel",
    "pagerduty: accepted (queued): the routing key was not refused (a change event, which pages nobody); not proved that anybody is paged",
    `webhook ${broken.host}: failed: answered 500`,
  ]);
  for (const { received } of [signed, unsigned, slack, pagerduty, broken]) expect(received).toHaveLength(1);
});
