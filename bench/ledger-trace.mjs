// How long it takes to find a trace among ten million actions, beside finding one among a thousand. The tables are filled
// by the database itself, for this run alone, and dropped.
import { pathToFileURL } from "node:url";
import { built, place } from "./ledger-support.mjs";
import { median, milliseconds } from "./support.mjs";

const ROWS = 10_000_000;
const FEW = 1_000;
/** Rows that one statement makes: SQLite keeps what is not committed in its log. */
const SLICE = 500_000;
/** Actions of a trace, spread over the whole table. */
const TRACES = (rows) => rows / 10;
const LOOKS = 50;
const BOUND_MS = 50;
const NAMES = { sqlite: "SQLite", postgres: "PostgreSQL" };

/** @returns {Promise<import("./support.mjs").Row[]>} */
export default async function trace({ rows = ROWS } = {}) {
  const { openLedger } = await import(pathToFileURL(await built("src/ledger/open.ts", "ledger")).href);
  const { openWriter } = await import(pathToFileURL(await built("src/databases/writing/open.ts", "writing")).href);
  const found = [];
  for (const dialect of Object.keys(NAMES)) {
    const [small, large] = [await place(dialect), await place(dialect)];
    const what = `a trace among ${rows.toLocaleString("en")} actions on ${NAMES[dialect]}`;
    if ("why" in small) {
      found.push({ what, measured: `not run (${small.why})`, bound: "-", peer: "-", met: null });
      continue;
    }
    try {
      for (const [url, count] of [
        [small.url, FEW],
        [large.url, rows],
      ]) {
        await (await openLedger(url)).close();
        await fill(dialect, await openWriter(url, { create: true, timeoutMs: 3_600_000 }), count);
      }
      const [few, many] = [await openLedger(small.url), await openLedger(large.url)];
      const fewMs = await looks(few, FEW);
      const manyMs = await looks(many, rows);
      await few.close();
      await many.close();
      const worst = Math.max(...manyMs);
      found.push({
        what,
        measured: `${milliseconds(median(manyMs))}, worst of ${LOOKS}: ${milliseconds(worst)}`,
        bound: `< ${BOUND_MS} ms`,
        peer: `among ${FEW.toLocaleString("en")}: ${milliseconds(median(fewMs))}`,
        met: worst < BOUND_MS,
      });
    } finally {
      await small.end();
      await large.end();
    }
  }
  return found;
}

const traceOf = (number) => `trace-${String(number).padStart(12, "0")}`;

/** Milliseconds of each look at a whole trace, another one each time. */
async function looks(ledger, rows) {
  const times = [];
  for (let look = 0; look <= LOOKS; look++) {
    const wanted = traceOf(Math.floor(Math.random() * TRACES(rows)));
    const began = performance.now();
    let records = 0;
    for await (const { record } of ledger.entries({ traces: [wanted] })) if (record) records++;
    // The first one prepares the statement.
    if (look > 0) times.push(performance.now() - began);
    if (records !== rows / TRACES(rows)) throw new Error(`${wanted} has ${records} actions`);
  }
  return times;
}

/** Each trace has ten actions, which stand far from each other, as agents that work side by side leave them. */
async function fill(dialect, writer, rows) {
  const text = (expression, width) =>
    dialect === "sqlite" ? `printf('%0${width}d', ${expression})` : `lpad((${expression})::text, ${width}, '0')`;
  for (let from = 0; from < rows; from += SLICE) {
    const to = Math.min(from + SLICE, rows);
    const numbers =
      dialect === "sqlite"
        ? `with recursive s(n) as (select ${from} union all select n + 1 from s where n + 1 < ${to}) `
        : `with s(n) as (select generate_series(${from}, ${to - 1})) `;
    await writer.run(
      `${numbers}insert into clawproof_actions (id, trace_id, agent, version, type, effect, target, subject, epoch, drill,
         status, "before", "after", reference, undo, started_at, ended_at, undo_class, undo_status)
       select ${text("n", 26)}, 'trace-' || ${text(`n % ${TRACES(rows)}`, 12)}, 'support', '2.4.1',
         case n % 3 when 0 then 'subscription_update' when 1 then 'email_send' else 'db_update' end, 'write',
         'subscription/' || (n % 50000), 'customer/' || (n % 30000), 12, 0, 'done', '{"plan":"pro"}', '{"plan":"free"}',
         'ref-' || n, '{"form":"sql"}', 1790000000000 + n, 1790000000000 + n, 'reversible', 'none' from s`,
    );
  }
  if (dialect === "postgres") await writer.run("analyze clawproof_actions");
  await writer.close();
}
