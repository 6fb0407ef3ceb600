import { expect, it } from "vitest";
import { type RunningSwitch, startSwitch } from "../switch/support.ts";
import { receiver } from "./support.ts";

/** What people and the operator's log are told where the disk of the switch is full. */

const LONG = "x".repeat(1_000);

function fill({ service }: RunningSwitch): (pages: number) => void {
  const { killSwitch } = service;
  const limit = (pages: number): void => void killSwitch.store.database.exec(`PRAGMA max_page_count = ${pages}`);
  limit(1);
  for (let isFull = false; !isFull;) {
    try {
      killSwitch.note({ kind: "drill", by: "test", from: null, line: LONG });
    } catch {
      isFull = true;
    }
  }
  return limit;
}

it("a test of the alerts answers what became of it, and that it is not in the log", async () => {
  const hook = await receiver();
  const it = await startSwitch({ alerts: [{ webhook: hook.url }] });
  const test = () => it.call("/v1/alerts/test", { body: {} });
  const limit = fill(it);
  // An entry may still find room in a page that is not full.
  let tested = await test();
  const wordsOf = () => JSON.stringify(tested.body);
  while (tested.status === 200 && !wordsOf().includes("not in the switch's log")) tested = await test();
  expect(tested).toMatchObject({
    status: 200,
    body: {
      outcomes: [
        {
          route: `webhook ${hook.host}`,
          outcome: "delivered",
          words: expect.stringMatching(
            /^answered 200; .+; not in the switch's log, which could not be written to disk/,
          ),
        },
      ],
    },
  });
  limit(1_000_000);
  expect(JSON.stringify((await test()).body)).not.toContain("not in the switch's log");
});

it("every one of many orders is told of, though none can be logged", async () => {
  const hook = await receiver();
  const it = await startSwitch({ alerts: [{ webhook: hook.url }] });
  fill(it);
  for (const reason of ["one", "two", "three"])
    expect(
      (await it.call("/v1/kill", { body: { scope: "support", reason: `${reason} ${LONG.slice(10)}` } })).status,
    ).toBe(507);
  await hook.after(3);
  const reasons = hook.received.map(({ body }) => (JSON.parse(body) as { data: { reason: string } }).data.reason);
  expect(reasons.map((reason) => reason.split(" ")[0])).toEqual(["one", "two", "three"]);
});

it("orders that a stop loses are named in the operator's log", async () => {
  const it = await startSwitch();
  await it.call("/v1/kill", { body: { scope: "saved", reason: "it refunds everyone" } });
  fill(it);
  const kill = (scope: string, mode: string) =>
    it.call("/v1/kill", { body: { scope, mode, reason: LONG } }).then(({ body }) => body["epoch"]);
  const epochs = [await kill("support", "stopped"), await kill("billing", "read-only")];
  await it.close();
  expect(it.logged.filter(({ event }) => event === "lost")).toEqual([
    { event: "lost", scope: "support", mode: "stopped", epoch: epochs[0] },
    { event: "lost", scope: "billing", mode: "read-only", epoch: epochs[1] },
  ]);
});

it("a stop that saves everything names nothing as lost", async () => {
  const it = await startSwitch();
  const limit = fill(it);
  await it.call("/v1/kill", { body: { scope: "support", reason: LONG } });
  expect(it.service.killSwitch.durable).toBe(false);
  limit(1_000_000);
  await it.close();
  expect(it.logged.filter(({ event }) => event === "lost")).toEqual([]);
});
