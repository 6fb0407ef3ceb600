import { createHash } from "node:crypto";
import { quoteName } from "../databases/identifiers.ts";
import { openWriter } from "../databases/writing/open.ts";
import type { Run, Writer } from "../databases/writing/writer.ts";
import { canonicalJson } from "../values/canonical-json.ts";
import { systemClock } from "../values/clock.ts";
import { createClaiming } from "./claims.ts";
import { idMaker } from "./ids.ts";
import { joinedRun } from "./joining.ts";
import { createKeeping } from "./keeping.ts";
import { LedgerError, type Ledger, type Reading, type Recording } from "./ledger.ts";
import { migrate, refuseForeign, versionIn } from "./migrate.ts";
import { META, type KeptHandler } from "./record.ts";
import { createReading, HANDLER_KEY, type Source } from "./reading.ts";
import { asLedgerError, Recorder } from "./recorder.ts";
import { endedValues, insertedValues } from "./row.ts";
import { createSeal, type Seal } from "./sealing.ts";
import type { Sealing } from "./sealing-fields.ts";
import { endActions, insertActions } from "./statements.ts";

const TIMEOUT_MS = 10_000;

export interface LedgerOptions extends Sealing {
  /** Folder that a relative `sqlite:` path starts from; left out: the working directory. */
  directory?: string | undefined;
  /** Whether the tables, and SQLite's file, are made where there are none; default true. */
  create?: boolean | undefined;
  /** Limit of each commit, waiting for others' locks included; default 10 s, in milliseconds. */
  timeoutMs?: number | undefined;
  /** Epoch milliseconds. */
  now?: (() => number) | undefined;
  /** Tests and benchmarks alone: `OFF` loses what a crash of the machine finds in its memory. */
  synchronous?: "FULL" | "OFF" | undefined;
}

/** Opens the ledger in `sqlite:PATH`, `postgres://…` or `mysql://…`, and brings its tables to this version. Throws LedgerError. */
export async function openLedger(url: string, options: LedgerOptions = {}): Promise<Ledger> {
  const seal = createSeal(options);
  const { create = true, timeoutMs = TIMEOUT_MS, now = () => systemClock.now(), directory, synchronous } = options;
  try {
    const writer = await openWriter(url, { create, timeoutMs, directory, synchronous });
    try {
      await migrate(writer, { create });
    } catch (error) {
      await writer.close();
      throw error;
    }
    return ledgerOn(writer, seal, now);
  } catch (error) {
    throw asLedgerError(error);
  }
}

/**
 * Reads a ledger through a connection that only reads (`openDatabase`), and changes nothing. Throws LedgerError where
 * there is none, or one of another version.
 */
export async function readLedger(source: Source & { shown: string }, sealing: Sealing = {}): Promise<Reading> {
  const seal = createSeal(sealing);
  const run: Run = async <Row extends object>(statement: string, parameters: Parameters<Run>[1] = []) => ({
    rows: await source.query<Row>(statement, parameters),
    changed: 0,
  });
  try {
    refuseForeign(await versionIn(run, source), source.shown);
  } catch (error) {
    throw asLedgerError(error);
  }
  return createReading(source, seal);
}

function ledgerOn(writer: Writer, seal: Seal, now: () => number): Ledger {
  const nextId = idMaker(now);
  const recorder = new Recorder(writer);
  const source: Source = {
    dialect: writer.dialect,
    query: async <Row extends object>(statement: string, parameters: Parameters<Run>[1]) =>
      (await writer.run<Row>(statement, parameters)).rows,
  };
  return {
    dialect: writer.dialect,
    shown: writer.shown,
    ...recordingOn(writer, recorder, { seal, now, nextId }),
    ...createReading(source, seal),
    ...createClaiming(writer, seal, () => nextId().id),
    ...createKeeping(writer, now),
    async unsynced() {
      return writer.unsynced().catch((error: unknown) => Promise.reject(asLedgerError(error)));
    },
    async close() {
      await recorder.idle();
      await writer.close();
    },
  };
}

interface Parts {
  seal: Seal;
  now: () => number;
  nextId: ReturnType<typeof idMaker>;
}

function recordingOn(writer: Writer, recorder: Recorder, { seal, now, nextId }: Parts): Recording {
  const [insert, end, put] = [insertActions(writer.dialect), endActions(writer.dialect), putMeta(writer.dialect)];
  return {
    async begin(action, transaction) {
      const stamp = nextId();
      const values = insertedValues(stamp, action, seal);
      if (transaction === undefined) await recorder.add("begin", stamp.id, values);
      else await joined(() => joinedRun(writer.dialect, transaction)(insert(1), values));
      return stamp.id;
    },
    async end(id, outcome, transaction) {
      const values = endedValues(id, Math.trunc(now()), outcome, seal);
      if (transaction === undefined) return recorder.add("end", id, values);
      const changed = await joined(() => joinedRun(writer.dialect, transaction)(end(1), values));
      if (changed < 1) throw new LedgerError(`the action ${id} is not in this transaction, or has ended already`);
    },
    async putHandler(handler, transaction) {
      const values = [keyOf(handler), canonicalJson(handler)];
      await joined<unknown>(() =>
        transaction === undefined ? writer.run(put, values) : joinedRun(writer.dialect, transaction)(put, values),
      );
    },
  };
}

const joined = <T>(work: () => Promise<T>): Promise<T> =>
  Promise.resolve()
    .then(work)
    .catch((error: unknown) => Promise.reject(asLedgerError(error)));

/** As long for every name, since MySQL's keys are short. */
function keyOf({ agent, version, type }: KeptHandler): string {
  return (
    HANDLER_KEY +
    createHash("sha256")
      .update(JSON.stringify([agent, version, type]))
      .digest("hex")
  );
}

function putMeta(dialect: Writer["dialect"]): string {
  const [key, value] = [quoteName(dialect, "key"), quoteName(dialect, "value")];
  const insert = `insert into ${META} (${key}, ${value}) values (${dialect === "postgres" ? "$1, $2" : "?, ?"})`;
  return dialect === "mysql"
    ? `${insert} on duplicate key update ${value} = values(${value})`
    : `${insert} on conflict (${key}) do update set ${value} = excluded.${value}`;
}
