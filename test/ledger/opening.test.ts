import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openDatabase } from "../../src/databases/open.ts";
import { openLedger, readLedger } from "../../src/ledger/open.ts";
import { NO_SECRETS } from "../databases/opening.ts";
import { afterThisTest } from "../support/ending.ts";
import { anAction, byHand, DIALECTS, idsOf, opened, placeFor, whyOf } from "./ledgers.ts";

describe.each(DIALECTS)("opening a ledger in %s", (dialect) => {
  const place = placeFor(dialect);
  const key = dialect === "mysql" ? "`key`" : '"key"';

  it("lets eight that come at once make its tables, and record", async () => {
    const url = await place.fresh();
    const ledgers = await Promise.all(Array.from({ length: 8 }, () => opened(url)));
    await Promise.all(ledgers.map((ledger) => ledger.begin(anAction())));
    expect(await idsOf(await opened(url))).toHaveLength(8);
  });

  it("refuses one that a newer version made, and changes nothing", async () => {
    const url = await place.fresh();
    await (await openLedger(url)).close();
    await byHand(url, `update clawproof_meta set value = '7' where ${key} = 'schema'`);
    expect(await whyOf(openLedger(url))).toMatch(
      /^the ledger in .* was made by a newer version of clawproof \(its schema is 7, this one knows 1\): use that version$/,
    );
    expect(await byHand(url, `select value from clawproof_meta where ${key} = 'schema'`)).toMatchObject([
      { value: "7" },
    ]);
  });

  it("refuses one whose version cannot be read", async () => {
    const url = await place.fresh();
    await (await openLedger(url)).close();
    await byHand(url, `update clawproof_meta set value = 'x' where ${key} = 'schema'`);
    expect(await whyOf(openLedger(url))).toContain("does not say its version");
  });

  it("makes nothing where it is only to be read", async () => {
    const url = await place.fresh();
    expect(await whyOf(openLedger(url, { create: false }))).toMatch(/does not exist|holds no ledger/);
    if (dialect === "sqlite") expect(existsSync(url.slice("sqlite:".length))).toBe(false);
    await byHand(url, "create table if not exists clawproof_other (a int)");
    expect(await whyOf(openLedger(url, { create: false }))).toContain("holds no ledger");
    const database = await openDatabase(url, {
      mode: "read-only",
      statementTimeoutMs: 10_000,
      directory: "/",
      secrets: NO_SECRETS,
    });
    afterThisTest(() => database.close());
    expect(await whyOf(readLedger(database))).toContain("holds no ledger");
    await byHand(url, "drop table clawproof_other");
  });

  it("finishes what a process left half made", async () => {
    const url = await place.fresh();
    await (await openLedger(url)).close();
    await byHand(url, `delete from clawproof_meta`, "drop table clawproof_runs");
    const ledger = await opened(url);
    expect(await ledger.runs()).toEqual([]);
  });
});

describe("what is no ledger", () => {
  it.each([
    ["oracle://x", "the database is not named by a URL that begins with sqlite:, postgres:// or mysql://"],
    ["postgres://postgres:hush-hush@127.0.0.1:1/test", "connection refused at 127.0.0.1:1"],
    ["mysql://root:hush-hush@127.0.0.1:1/test", "connection refused at 127.0.0.1:1"],
  ])("is said of %s", async (url, why) => {
    expect(await whyOf(openLedger(url))).toBe(`the ledger failed: ${why}`);
  });

  it("is said of a file that holds something else", async () => {
    const url = await placeFor("sqlite").fresh();
    await writeFile(url.slice("sqlite:".length), "no database, but long enough to be looked at as one".repeat(100));
    expect(await whyOf(openLedger(url))).toContain("is not a SQLite database");
  });
});
