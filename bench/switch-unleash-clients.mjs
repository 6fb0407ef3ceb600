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

let arrivals = [];
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
      let seen = client.isEnabled(toggle);
      client.on("changed", () => {
        if (client.isEnabled(toggle) === seen) return;
        seen = !seen;
        arrived(seen);
      });
      resolve();
    });
  });
}

function arrived(seen) {
  arrivals.push(process.hrtime.bigint());
  if (arrivals.length < count) return;
  process.send({ seen, arrivals: arrivals.map(String) });
  arrivals = [];
}
