import { describe, expect, it } from "vitest";
import { obedienceIn, orderNumberIn } from "../../src/evidence/own-answers.ts";
import { logCallOf, readLog } from "../../src/evidence/switch-log.ts";
import { serve } from "../doors/servers.ts";
import { folderForTest, gatheringFrom } from "./support.ts";

describe("the log of a switch of ours", () => {
  it("is read with the token, and an order that ended by itself is nobody's", async () => {
    const order = { scope: "drill/support", at: "2026-11-22T06:00:00.000Z", by: "kim", reason: "clawproof-7f3a91: x" };
    const asked: (string | undefined)[] = [];
    const { url } = await serve((request, response) => {
      asked.push(request.url, request.headers.authorization);
      const expired = { ...order, kind: "expired", by: "clawproof", reason: "its time to live was over" };
      response.end(
        JSON.stringify({ series: "s", last: 2, entries: [{ ...order, kind: "kill", epoch: 7, hash: "x" }, expired] }),
      );
    });
    const { project } = gatheringFrom(
      await folderForTest(),
      `version: 1\nagent: { name: support }\nkillSwitch: { provider: clawproof, url: "${url}", token: "\${T}" }\n`,
      { env: { T: "the-token-of-the-switch" } },
    );
    const call = logCallOf(project);
    if (call === null) throw new Error("no log");
    expect(await readLog(call, project, { scope: "drill/support" })).toEqual([
      { ...order, at: Date.parse(order.at), own: { epoch: 7, hash: "x" } },
    ]);
    expect(asked).toEqual(["/v1/log?last=1000&orders=1&scope=drill%2Fsupport", "Bearer the-token-of-the-switch"]);
  });
});

describe("what only a switch of ours tells", () => {
  it("is the number of an order", () => {
    expect(orderNumberIn({ series: "3f9a", epoch: 12, mode: "stopped" })).toEqual({ series: "3f9a", epoch: 12 });
    for (const other of [null, "x", {}, { series: "3f9a" }, { series: 1, epoch: 2 }, { series: "s", epoch: "2" }])
      expect(orderNumberIn(other)).toBeNull();
  });

  it("is who obeys", () => {
    const instances = ["obeyed", "pending", "obeyed", "silent"].map((state, index) => ({
      instance: `i${index}`,
      state,
    }));
    expect(obedienceIn({ series: "s", epoch: 1, instances })).toEqual({
      known: 4,
      obeyed: 2,
      pending: ["i1"],
      silent: ["i3"],
    });
    expect(obedienceIn({ instances: [] })).toMatchObject({ known: 0, obeyed: 0 });
    for (const other of [null, {}, { instances: {} }, { instances: [{ instance: "a", state: "perhaps" }] }])
      expect(obedienceIn(other)).toBeNull();
  });
});
