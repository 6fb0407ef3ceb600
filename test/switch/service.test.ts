import { expect, it } from "vitest";
import { startSwitch } from "./support.ts";

it("starts and ends on a full disk, with every order in force", async () => {
  const first = await startSwitch();
  await first.call("/v1/kill", { body: { scope: "support", reason: "it refunds everyone" } });
  await first.close();
  const { dataFile, admin } = first;
  const again = await startSwitch({ dataFile, admin, dataFileOptions: { maxPages: 1 } });
  // A page that is there already has room for a note or two.
  for (let note = 0; note < 50; note++) {
    await again.call("/v1/kill", { body: { scope: `agent-${note}`, reason: "x".repeat(900) } });
  }
  expect((await again.call("/v1/state?scope=support")).body).toMatchObject({ mode: "stopped" });
  await again.close();
  const full = await startSwitch({ dataFile, admin, dataFileOptions: { maxPages: 1 } });
  expect((await full.call("/v1/state?scope=support")).body).toMatchObject({ mode: "stopped" });
  const { log, logged } = { log: (await full.call("/v1/log?last=1")).body, logged: full.logged };
  const noted = JSON.stringify(log).includes("service-started");
  expect(noted || logged.some(({ event, error }) => event === "service-started" && error !== undefined)).toBe(true);
});
