import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { undoFromLedger } from "../../src/drill/undo-ledger.ts";
import { gatheringOf } from "../evidence/records-gathering.ts";
import { anAction, claim, entriesOf, opened, placeFor } from "../ledger/ledgers.ts";
import { afterThisTest } from "../support/ending.ts";

const place = placeFor("sqlite");

it("names what nobody could look at also where another run had to be waited for", async () => {
  const directory = mkdtempSync(join(tmpdir(), "clawproof-undo-"));
  afterThisTest(() => rmSync(directory, { recursive: true, force: true }));
  const url = await place.fresh();
  const ledger = await opened(url);
  const act = async (target: string): Promise<string> => {
    const id = await ledger.begin(anAction({ trace_id: "drill", type: "set", target, drill: true }));
    await ledger.end(id, { status: "done" });
    return id;
  };
  const [held] = [await act("a"), await act("b")];
  const other = await ledger.startRun({ owner: "eve" });
  await claim(ledger, [held], other.id);
  const gathering = gatheringOf(
    { ledger: url, undo: { set: { command: [process.execPath, "-e", ""], idempotent: true } } },
    directory,
  );
  const undone = undoFromLedger({ gathering, trace: "drill" });
  await vi.waitFor(async () => {
    expect((await entriesOf(ledger)).map(({ record }) => record?.undo_status)).toEqual(["unverified", "undoing"]);
  }, 10_000);
  await ledger.turn(other.id, { ends: [{ id: held, status: "none" }] });
  expect(await undone).toEqual([expect.stringContaining("set: "), expect.stringContaining("set: ")]);
});
