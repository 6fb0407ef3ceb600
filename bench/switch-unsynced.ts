// The control of the durability benchmark: the service as it is, but for its data file, which is not synced. Like `serve`
// it takes `--listen` and `--data`, and prints where it listens and the operator's token.
import { parseArgs } from "node:util";
import { dirname } from "node:path";
import { createSecrets } from "../src/config/secret-store.ts";
import { listen } from "../src/switch/service/listener.ts";
import { openService } from "../src/switch/service/service.ts";

const HOST = "127.0.0.1";
const { values } = parseArgs({
  options: { data: { type: "string" }, listen: { type: "string" } },
  allowPositionals: true,
});
const { data: dataFile = "" } = values;
const directory = dirname(dataFile);
const secrets = createSecrets({ config: {}, directory, env: {}, named: [], readCommand: () => Promise.resolve("") });
const service = await openService({
  name: "control",
  dataFile,
  leaseMs: 15_000,
  alerts: [],
  context: { secrets, placeholders: {}, http: {}, directory },
  publicUrl: null,
  host: HOST,
  dataFileOptions: { synchronous: "OFF" },
});
const { url } = await listen(service, { listen: { host: HOST, port: 0 }, tls: null, behindProxy: [] });
process.stdout.write(`listening on ${url}\n`);
if (service.operatorToken !== null) process.stdout.write(`operator token: ${service.operatorToken}\n`);
