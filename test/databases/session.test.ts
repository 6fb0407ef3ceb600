import { describe, expect, it } from "vitest";
import { openSession } from "../../src/databases/session.ts";
import { byHand, DIALECTS, placeFor } from "../ledger/ledgers.ts";
import { afterThisTest } from "../support/ending.ts";
import { NO_SECRETS } from "./opening.ts";

describe.each(DIALECTS)("a session of %s", (dialect) => {
  const place = placeFor(dialect);

  async function sessionOn(url: string, readOnly: boolean) {
    await byHand(url, "drop table if exists kept", "create table kept (n integer)", "insert into kept values (1)");
    const session = await openSession(url, {
      statementTimeoutMs: 5_000,
      directory: "/",
      secrets: NO_SECRETS,
      readOnly,
    });
    afterThisTest(() => session.close());
    return session;
  }

  const numbersIn = async (url: string) =>
    (await byHand(url, "select n from kept")).map((row) => Number(Object.values(row)[0]));

  it("that is to read alone reads, and writes neither by itself nor in a transaction", async () => {
    const url = await place.fresh();
    const session = await sessionOn(url, true);
    expect((await session.query("select n from kept")).map(({ n }) => Number(n))).toEqual([1]);
    await expect(session.query("update kept set n = 2")).rejects.toThrow();
    const write = async () => {
      await session.query("update kept set n = 3");
      return { commit: true };
    };
    await expect(session.transaction(write)).rejects.toThrow("read alone");
    expect(await numbersIn(url)).toEqual([1]);
  });

  it("that may write does", async () => {
    const url = await place.fresh();
    const session = await sessionOn(url, false);
    await session.transaction(async () => {
      await session.query("update kept set n = 3");
      return { commit: true };
    });
    expect(await numbersIn(url)).toEqual([3]);
  });
});
