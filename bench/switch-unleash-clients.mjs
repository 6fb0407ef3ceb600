// Many unleash-clients in one process, which tell their parent when each of them saw the toggle change. Their polls are
// spread over the interval, as those of programs that were started at different times.
//
// node switch-unleash-clients.mjs PEERS URL TOKEN TOGGLE COUNT INTERVAL_MS
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const [peers, url, token, toggle, ...figures] = process.argv.slice(2);
const [count, refreshInterval] = figures.map(Number);
const { InMemStorageProvider, Unleash } = createRequire(join(peers, "package.json"))("unleash-client");

/** When each client, by its index, first saw the toggle as it is wanted next. */
const arrivals = new Map();
let wanted = true;
process.on("disconnect", () => process.exit());

const connected = Array.from({ length: count }, async (_, index) => {
  await delay((index / count) * refreshInterval);
  await connect(index);
});
Promise.all(connected).then(
  () => process.send({ ready: true }),
  (error) => process.send({ lost: error.message }),
);

function connect(index) {
  const client = new Unleash({
    url,
    appName: "bench",
    instanceId: `bench-${index}`,
    customHeaders: { authorization: token },
    refreshInterval,
    disableMetrics: true,
    storageProvider: new InMemStorageProvider(),
    skipInstanceCountWarning: true,
  });
  client.on("error", (error) => process.send({ lost: `an unleash-client failed: ${error.message}` }));
  return new Promise((resolve) => {
    client.once("synchronized", () => {
      client.on("changed", () => arrived(index, client.isEnabled(toggle)));
      resolve();
    });
  });
}

/** A server that answers out of order makes one client change its mind: only its first sight of a flip counts. */
function arrived(index, seen) {
  if (seen !== wanted || arrivals.has(index)) return;
  arrivals.set(index, process.hrtime.bigint());
  if (arrivals.size < count) return;
  process.send({ seen, arrivals: [...arrivals.values()].map(String) });
  arrivals.clear();
  wanted = !wanted;
}
