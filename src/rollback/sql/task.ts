import type { Session } from "../../databases/session.ts";
import { type Table } from "./catalog.ts";
import { asImage, type Captured, identitiesOf, imageOf } from "./captured.ts";
import { cellsOf, type Given, givenId, givenIdentity, unknownFields, unquoted } from "./given.ts";
import type { Cell, Image, Row } from "./image.ts";
import { type Identity, readRows } from "./rows.ts";

/** One action whose rows are to be put back. */
export interface SqlTask {
  /** Of the action. */
  id: string;
  /** What the action was about; its id where it named nothing. */
  target: string;
  /** As the configuration or the agent writes it. */
  table: string;
  subject: { captured: Captured } | { given: Given };
  /** Columns that are not compared and, but for rows that were deleted, not restored. */
  ignore: readonly string[];
  /** Puts it back whatever stands there. */
  forced: boolean;
  /** An earlier run broke off at it, and may have done it together with others that are resumed. */
  resumed: boolean;
}

/** The rows that a task is about, as they are now, and as they were before and after it. */
export interface Seen {
  task: SqlTask;
  table: Table;
  before: Image;
  /** Null where the action never ended: nobody knows what it left. */
  after: Image | null;
  now: ReadonlyMap<string, Row>;
  leftOut: ReadonlySet<string>;
  /** What finds each of these rows. */
  identities: ReadonlyMap<string, Identity>;
}

/** A task that cannot be looked at, whatever the database holds; the message is for a person. */
export class Unusable extends Error {
  override name = "Unusable";
}

/** What finds a task's rows in its table. Throws Unusable, RangeError. */
export function wantedRows(task: SqlTask, table: Table, session: Session): Identity[] {
  if ("given" in task.subject) return [givenIdentity(task.subject.given, table, session.dialect)];
  const { captured } = task.subject;
  if (captured.table !== table.name) {
    throw new Unusable(`its rows were captured in ${captured.table}, and ${task.table} is ${table.name}`);
  }
  const images = [imageOf(captured, captured.before), imageOf(captured, captured.after ?? [])];
  const known = [...identitiesOf(captured, images).values()];
  // Of an action that never ended the rows that it may have made are found by its key alone.
  return captured.after === undefined ? [...known, captured.key] : known;
}

/** Reads what all tasks on one table are about, in one go. With `lock` the rows stay as they are until the transaction ends. */
export async function lookAt(
  session: Session,
  table: Table,
  tasks: readonly SqlTask[],
  { lock }: { lock: boolean },
): Promise<Seen[]> {
  const wanted = tasks.map((task) => ({ task, identities: wantedRows(task, table, session) }));
  const shapes = new Map<string, Map<string, Identity>>();
  for (const identity of wanted.flatMap(({ identities }) => identities)) {
    const shape = JSON.stringify(Object.keys(identity));
    const group = shapes.get(shape) ?? new Map<string, Identity>();
    shapes.set(shape, group.set(JSON.stringify(identity), identity));
  }
  const rows: NonNullable<Row>[] = [];
  for (const group of shapes.values()) rows.push(...(await readRows(session, table, [...group.values()], { lock })));
  const found = new Found(rows);
  return wanted.map(({ task, identities }) => seenBy(task, table, found, identities, session));
}

/** Rows that were read, found again by what identifies them; made once for each way to identify them, for all tasks. */
class Found {
  readonly rows: readonly NonNullable<Row>[];
  readonly #images = new Map<string, Map<string, Row>>();
  readonly #byKey = new Map<string, Map<string, NonNullable<Row>>>();

  constructor(rows: readonly NonNullable<Row>[]) {
    this.rows = rows;
  }

  image(captured: Captured): ReadonlyMap<string, Row> {
    return remembered(this.#images, JSON.stringify([captured.table, captured.identity]), () =>
      asImage(captured, this.rows),
    );
  }

  byKey(names: readonly string[], key: string): NonNullable<Row> | null {
    const all = remembered(this.#byKey, JSON.stringify(names), () => {
      // Of several the first, as a search would find it.
      return new Map(this.rows.toReversed().map((row) => [keyText(row, names), row]));
    });
    return all.get(key) ?? null;
  }
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const made = known.get(key) ?? make();
  known.set(key, made);
  return made;
}

function seenBy(task: SqlTask, table: Table, found: Found, wanted: readonly Identity[], session: Session): Seen {
  if ("given" in task.subject) return seenGiven(task, task.subject.given, table, found, wanted, session);
  const { captured } = task.subject;
  const before = imageOf(captured, captured.before);
  const after = captured.after === undefined ? null : imageOf(captured, captured.after);
  const all = found.image(captured);
  const known = identitiesOf(captured, [before, after ?? new Map<string, Row>()]);
  const now = new Map<string, Row>([...known.keys()].map((id) => [id, all.get(id) ?? null]));
  if (after === null) {
    const matching = found.rows.filter((row) =>
      Object.entries(captured.key).every(([name, cell]) => row[name] === cell),
    );
    for (const [id, row] of asImage(captured, matching)) now.set(id, row);
  }
  return { task, table, before, after, now, identities: known, leftOut: leftOutOf(task, table, captured.generated) };
}

function seenGiven(
  task: SqlTask,
  given: Given,
  table: Table,
  found: Found,
  [identity = {}]: readonly Identity[],
  session: Session,
): Seen {
  const lost = unknownFields(given, table);
  if (lost.length > 0) throw new Unusable(`${table.name} has no column ${lost.join(", ")}, which the action changed`);
  const id = givenId(given, table.name);
  const row = found.byKey(given.key, keyText(identity, given.key));
  const cells = (json: Given["before"]): Image => new Map([[id, cellsOf(json, row, table, session.dialect)]]);
  const before = cells(given.before);
  return {
    task,
    table,
    before,
    after: given.after === undefined ? null : cells(given.after),
    now: new Map([[id, row === null ? null : onlyGiven(row, given)]]),
    identities: new Map([[id, identity]]),
    leftOut: leftOutOf(task, table, []),
  };
}

/** What a row is found by again among those that were read: a key in the spelling of whoever asked for it. */
export const keyText = (cells: Readonly<Record<string, Cell>>, names: readonly string[]): string =>
  JSON.stringify(names.map((name) => unquoted(cells[name] ?? "'")));

/** Of a row that an action gave in part, the rest is none of its business. */
function onlyGiven(row: NonNullable<Row>, { before, after }: Given): Row {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return Object.fromEntries(Object.entries(row).filter(([name]) => names.has(name)));
}

function leftOutOf({ ignore }: SqlTask, table: Table, generated: readonly string[]): ReadonlySet<string> {
  const computed = table.columns.filter((column) => column.generated).map(({ name }) => name);
  return new Set([...ignore, ...generated, ...computed]);
}
