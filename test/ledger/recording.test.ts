import { describe, expect, it, vi } from "vitest";
import { anAction, byHand, DIALECTS, entriesOf, idsOf, opened, placeFor, whyOf } from "./ledgers.ts";

describe.each(DIALECTS)("recording in %s", (dialect) => {
  const place = placeFor(dialect);

  it("keeps everything that an action gives, and how it ended", async () => {
    const ledger = await opened(await place.fresh(), { now: () => 1_000 });
    const action = anAction({
      subject: "customer/3",
      epoch: 12,
      drill: true,
      before: { plan: null, ключ: "Wert \u0000 🙂", list: [1, 2.5, "'\"`\\"] },
      undo: { form: "sql", key: { id: 7, part: "a" } },
      captured: [{ id: "7", price: "29.00" }],
      undo_class: "compensable",
      residue: "the mail was read",
      undo_until: 9_000,
    });
    const id = await ledger.begin(action);
    const started = { ...action, id, status: "started", reference: null, started_at: 1_000, ended_at: null };
    const untouched = { undo_status: "none", undo_run: null, undone_at: null, undo_error: null };
    expect(await entriesOf(ledger)).toEqual([{ record: { ...started, ...untouched }, sealed: false }]);

    await ledger.end(id, { status: "done", after: [true], reference: "msg-1", undo_until: 8_000 });
    const ended = { status: "done", after: [true], reference: "msg-1", undo_until: 8_000, ended_at: 1_000 };
    expect(await entriesOf(ledger)).toEqual([{ record: { ...started, ...untouched, ...ended }, sealed: false }]);
  });

  it("tells a value that was null from none", async () => {
    const ledger = await opened(await place.fresh());
    await ledger.begin(anAction({ before: null }));
    const [entry] = await entriesOf(ledger);
    expect(entry?.record).toMatchObject({ before: null, target: "subscription/7", subject: null, undo: null });
    expect(entry?.record?.after).toBeUndefined();
  });

  it("lets an end leave what it does not say", async () => {
    const ledger = await opened(await place.fresh());
    const id = await ledger.begin(anAction({ captured: [1], undo_until: 5 }));
    await ledger.end(id, { status: "failed" });
    expect((await entriesOf(ledger))[0]?.record).toMatchObject({ status: "failed", captured: [1], undo_until: 5 });
  });

  it("ends an action once, and only one that was begun", async () => {
    const ledger = await opened(await place.fresh());
    const id = await ledger.begin(anAction());
    await ledger.end(id, { status: "done" });
    expect(await whyOf(ledger.end(id, { status: "failed" }))).toContain("has ended already");
    expect(await whyOf(ledger.end("nobody", { status: "done" }))).toContain("nobody is not in the ledger");
    expect((await entriesOf(ledger))[0]?.record?.status).toBe("done");
  });

  it("records three hundred at once, in the order in which they were begun", async () => {
    const ledger = await opened(await place.fresh());
    const ids = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const id = await ledger.begin(anAction({ trace_id: `t${index}` }));
        await ledger.end(id, { status: "done", reference: `r${index}` });
        return id;
      }),
    );
    expect(await idsOf(ledger)).toEqual(ids.reverse());
    const entries = await entriesOf(ledger);
    expect(entries.every(({ record }) => record?.reference === record?.trace_id.replace("t", "r"))).toBe(true);
  });

  it("lets one end that belongs nowhere spoil no other's", async () => {
    const ledger = await opened(await place.fresh());
    const ids = await Promise.all(Array.from({ length: 5 }, () => ledger.begin(anAction())));
    const ends = [...ids, "nobody"].map((id) => ledger.end(id, { status: "done" }));
    const outcomes = await Promise.allSettled(ends);
    expect(outcomes.map(({ status }) => status)).toEqual([...ids.map(() => "fulfilled"), "rejected"]);
  });

  it("refuses the one action that cannot be stored, and stores those beside it", async () => {
    const ledger = await opened(await place.fresh());
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    const outcomes = await Promise.allSettled([
      ledger.begin(anAction()),
      ledger.begin(anAction({ before: circle })),
      ledger.begin(anAction({ before: { n: 1n } })),
      ledger.begin(anAction({ epoch: 2 ** 70 })),
      ledger.begin(anAction()),
    ]);
    const refused = outcomes.map(({ status }) => status === "rejected");
    // SQLite takes a number beyond 64 bits as a float, and reading says that it is damaged.
    expect(refused).toEqual([false, true, true, dialect !== "sqlite", false]);
    expect(await idsOf(ledger)).toHaveLength(dialect === "sqlite" ? 3 : 2);
  });

  it("fails in words while its table is gone, and works again when it is back", async () => {
    const url = await place.fresh();
    const ledger = await opened(url);
    await ledger.begin(anAction());
    await byHand(url, "alter table clawproof_actions rename to elsewhere");
    expect(await whyOf(ledger.begin(anAction()))).toContain("clawproof_actions does not exist");
    await byHand(url, "alter table elsewhere rename to clawproof_actions");
    await ledger.begin(anAction());
    expect(await idsOf(ledger)).toHaveLength(2);
  });

  it("keeps an undo that was given as data, by agent, version and type", async () => {
    const url = await place.fresh();
    const ledger = await opened(url);
    const of = (version: string | null, url: string) => ({
      agent: "support",
      version,
      type: "email_send",
      undo: { http: { url } },
    });
    await ledger.putHandler(of("1", "a"));
    await ledger.putHandler(of("1", "b"));
    await ledger.putHandler(of(null, "c"));
    const other = await opened(url);
    const kept = (await other.handlers()).map(({ version, undo }) => [version, undo]);
    expect(kept.sort()).toEqual([of(null, "c"), of("1", "b")].map(({ version, undo }) => [version, undo]).sort());
  });

  it("writes what was begun before it closes, and nothing afterwards", async () => {
    const url = await place.fresh();
    const ledger = await opened(url);
    const begun = ledger.begin(anAction());
    await ledger.close();
    const id = await begun;
    expect(await whyOf(ledger.begin(anAction()))).toContain("is closed");
    expect(await idsOf(await opened(url))).toEqual([id]);
  });

  it("says that it is synced", async () => {
    expect(await (await opened(await place.fresh())).unsynced()).toBeNull();
  });
});

describe("recording in a PostgreSQL that was never analysed", () => {
  const place = placeFor("postgres");

  it("finds the rows that end by their key, however small the table was at first", async () => {
    const url = await place.fresh();
    /** What a session counted is told when it ends, all at once. */
    const scansOnceTold = async (inserted: number): Promise<unknown> => {
      const told = `select seq_scan from pg_stat_user_tables
        where relid = 'clawproof_actions'::regclass and n_tup_ins = ${inserted}`;
      return vi.waitFor(async () => expect(await byHand(url, told)).toHaveLength(1)).then(() => byHand(url, told));
    };
    const first = await opened(url);
    await first.begin(anAction());
    await first.close();
    const before = await scansOnceTold(1);
    const ledger = await opened(url);
    for (let round = 0; round < 10; round++) {
      const ids = await Promise.all(Array.from({ length: 64 }, () => ledger.begin(anAction())));
      await Promise.all(ids.map((id) => ledger.end(id, { status: "done" })));
    }
    await ledger.close();
    expect(await scansOnceTold(641)).toEqual(before);
  });
});
