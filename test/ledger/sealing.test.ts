import { describe, expect, it } from "vitest";
import { LedgerError } from "../../src/ledger/ledger.ts";
import { createSeal, holdsRedacted } from "../../src/ledger/sealing.ts";
import type { Sealing } from "../../src/ledger/sealing-fields.ts";
import { anAction, byHand, entriesOf, opened, placeFor } from "./ledgers.ts";

const KEY = { id: "2026", secret: "ab".repeat(32) };
const NEW_KEY = { id: "2027", secret: Buffer.alloc(32, 7).toString("base64") };

async function recorded(sealing: Sealing, reading: Sealing = sealing) {
  const url = await placeFor("sqlite").fresh();
  const ledger = await opened(url, sealing);
  const id = await ledger.begin(
    anAction({
      before: { email: "a@example.com", card: { number: "4111", "a/b": 1 }, list: [{ email: "b@example.com" }] },
      captured: [{ email: "c@example.com" }],
      undo: { form: "sql", key: { email: "a@example.com" } },
    }),
  );
  await ledger.end(id, { status: "done", after: { email: null }, reference: "msg-1" });
  await ledger.close();
  const [stored] = await byHand(url, 'select "before", "after", captured, reference from clawproof_actions');
  return { id, stored: JSON.stringify(stored), entry: (await entriesOf(await opened(url, reading)))[0] };
}

describe("redacted fields", () => {
  it("are gone wherever the name stands, and only there where a pointer leads", async () => {
    const { stored, entry } = await recorded({ redact: ["email", "/before/card/a~1b", "reference"] });
    expect(stored).not.toMatch(/example\.com|msg-1/);
    const gone = { $clawproof: "redacted" };
    expect(entry?.record).toMatchObject({
      before: { email: gone, card: { number: "4111", "a/b": gone }, list: [{ email: gone }] },
      captured: [{ email: gone }],
      after: { email: gone },
      undo: { form: "sql", key: { email: "a@example.com" } },
    });
    expect(holdsRedacted(entry?.record?.before)).toBe(true);
    expect(holdsRedacted(entry?.record?.undo)).toBe(false);
  });

  it("do not hide behind an object's own toJSON", () => {
    const seal = createSeal({ redact: ["email"] });
    expect(seal.close("1", "before", { toJSON: () => ({ email: "a" }) })).toEqual({
      email: { $clawproof: "redacted" },
    });
  });
});

describe("encrypted fields", () => {
  it("come back under their key, and are not to be read in the database", async () => {
    const sealing = { encrypt: ["email", "/before/card", "reference"], keys: [KEY] };
    const { stored, entry } = await recorded(sealing, { keys: [NEW_KEY, KEY] });
    expect(stored).not.toMatch(/example\.com|4111|msg-1/);
    expect(entry?.record).toMatchObject({
      before: { email: "a@example.com", card: { number: "4111", "a/b": 1 }, list: [{ email: "b@example.com" }] },
      after: { email: null },
      reference: "msg-1",
    });
  });

  it.each([
    ["without the key", { keys: [NEW_KEY] }, 'before is encrypted under the key "2026", which is not given'],
    ["with a wrong one", { keys: [{ ...NEW_KEY, id: "2026" }] }, 'before does not open with the key given as "2026"'],
  ])("are said to be closed %s", async (_, reading, why) => {
    const { entry, id } = await recorded({ encrypt: ["/before"], keys: [KEY] }, reading);
    expect(entry?.damaged).toMatchObject({ id, row: { trace_id: "friday" } });
    expect(entry?.damaged?.why).toContain(why);
  });

  it("do not open in another row or column", () => {
    const seal = createSeal({ encrypt: ["/before"], keys: [KEY] });
    const closed = seal.close("1", "before", { a: 1 });
    expect(seal.open("1", "before", closed)).toEqual({ a: 1 });
    expect(() => seal.open("2", "before", closed)).toThrow(LedgerError);
    expect(() => seal.open("1", "after", closed)).toThrow(LedgerError);
  });
});

describe("columns of captured rows", () => {
  const captured = {
    v: 1,
    columns: ["id", "seats", "card"],
    identity: ["id"],
    before: [["1", "2", "'4111'"]],
    after: [["1", "9", "'5555'"]],
  };

  it("are sealed by their name, though it does not stand beside each value", () => {
    const redacting = createSeal({ redact: ["card"] });
    expect(redacting.close("1", "captured", captured)).toEqual({
      ...captured,
      before: [["1", "2", { $clawproof: "redacted" }]],
      after: [["1", "9", { $clawproof: "redacted" }]],
    });
    const encrypting = createSeal({ encrypt: ["card"], keys: [KEY] });
    const closed = encrypting.close("1", "captured", captured);
    expect(JSON.stringify(closed)).not.toMatch(/4111|5555/);
    expect(encrypting.open("1", "captured", closed)).toEqual(captured);
  });

  it.each([
    ["the action changed none of it", { after: [["1", "9", "'4111'"]] }, ["id", "seats"]],
    ["it never ended", { after: undefined }, captured.columns],
    ["it made a row", { after: [["2", "9", "'4111'"]] }, captured.columns],
    ["rows are told apart by it", { identity: ["id", "card"], after: [["1", "9", "'4111'"]] }, captured.columns],
  ])("are left out only where nothing is needed of them: %s", (_, more, columns) => {
    const closed = createSeal({ redact: ["card"] }).close("1", "captured", { ...captured, ...more });
    expect(closed).toMatchObject({ columns });
    expect(JSON.stringify(closed)).not.toMatch(/4111/);
    expect(holdsRedacted(closed)).toBe(columns.length === 3);
  });
});

it.each<[Sealing, string]>([
  [{ encrypt: ["a"] }, "no key is given"],
  [{ keys: [{ id: "k", secret: "short" }] }, 'the key "k" is not 32 bytes'],
  [{ redact: ["/undo/key"] }, "/undo/key is no field of before, after, captured, reference"],
])("refuses %j", (sealing, why) => {
  expect(() => createSeal(sealing)).toThrow(why);
});
