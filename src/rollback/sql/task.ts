import type { Session } from "../../databases/session.ts";
import { type Table } from "./catalog.ts";
import { asImage, type Captured, identitiesOf, imageOf } from "./captured.ts";
import { cellsOf, type Given, givenId, givenIdentity, givenNames, unknownFields, unquoted } from "./given.ts";
import type { Cell, Image, Row } from "./image.ts";
import { type Identity, readRows, rowId } from "./rows.ts";

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

/** A task with what can be said of its rows before any is read. */
interface Aim {
  task: SqlTask;
  /** What finds its rows in the table. */
  wanted: readonly Identity[];
  /** Of what was captured. */
  images: { before: Image; after: Image | null; identities: ReadonlyMap<string, Identity> } | null;
}

/** Throws Unusable, RangeError. */
function aimOf(task: SqlTask, table: Table, session: Session): Aim {
  if ("given" in task.subject) {
    return { task, wanted: [givenIdentity(task.subject.given, table, session.dialect)], images: null };
  }
  const { captured } = task.subject;
  if (captured.table !== table.name) {
    throw new Unusable(`its rows were captured in ${captured.table}, and ${task.table} is ${table.name}`);
  }
  const before = imageOf(captured, captured.before);
  const after = captured.after === undefined ? null : imageOf(captured, captured.after);
  const identities = identitiesOf(captured, after === null ? [before] : [before, after]);
  return { task, wanted: [...identities.values()], images: { before, after, identities } };
}

/** Reads what all tasks on one table are about, in one go. With `lock` the rows stay as they are until the transaction ends. */
export async function lookAt(
  session: Session,
  table: Table,
  tasks: readonly SqlTask[],
  { lock }: { lock: boolean },
): Promise<Seen[]> {
  const aims = tasks.map((task) => aimOf(task, table, session));
  const shapes = new Map<string, Map<string, Identity>>();
  for (const { wanted } of aims) {
    for (const identity of wanted) {
      const shape = Object.keys(identity).join("\u0000");
      const group = shapes.get(shape) ?? new Map<string, Identity>();
      shapes.set(shape, group.set(JSON.stringify(Object.values(identity)), identity));
    }
  }
  const groups: NonNullable<Row>[][] = [];
  const only = comparedBy(aims);
  const read = async (identities: readonly Identity[]): Promise<NonNullable<Row>[]> => {
    const rows = await readRows(session, table, identities, only === null ? { lock } : { lock, only });
    onlyOwn(table, identities, rows);
    return rows;
  };
  for (const group of shapes.values()) groups.push(await read([...group.values()]));
  const found = new Found(groups.flat());
  const all = (key: Identity) =>
    table.primaryKey.length > 0 ? readRows(session, table, [key], { lock }) : read([key]);
  const byKey = await rowsByKey(aims, table, found, { read, all });
  return aims.map((aim) => seenBy(aim, table, found, byKey.get(aim) ?? [], session));
}

/**
 * What finds rows again and what actions changed in them: all that is compared where they made and took away none. Null
 * where whole rows are looked at.
 */
function comparedBy(aims: readonly Aim[]): Set<string> | null {
  const names = new Set<string>();
  for (const { task, images } of aims) {
    const { before, after = null } = images ?? {};
    if (!before || after === null || "given" in task.subject || before.size !== after.size) return null;
    for (const [row, was] of before) {
      const became = after.get(row) ?? null;
      if (was === null || became === null) return null;
      for (const column in was) if (was[column] !== became[column]) names.add(column);
    }
    for (const name of task.subject.captured.identity) names.add(name);
  }
  return names;
}

/**
 * A table without a primary key (or SQLite's, which may be NULL) can have got another row with the key since: whatever
 * were done to the one would be done to the other, which is somebody else's. Where several keys were asked for it is only
 * known that one of them is such. Throws Unusable.
 */
function onlyOwn(table: Table, identities: readonly Identity[], rows: readonly NonNullable<Row>[]): void {
  const names = Object.keys(identities[0] ?? {});
  const ids = rows.map((row) => rowId(table.name, names, row));
  const isMany = rows.length > identities.length || new Set(ids).size < ids.length;
  if (!isMany && (table.primaryKey.length > 0 || identities.length === 1)) return;
  // Found though it is spelled otherwise: perhaps besides the one that is meant.
  const wanted = new Set(identities.map((identity) => rowId(table.name, names, identity)));
  if (!isMany && ids.every((id) => wanted.has(id))) return;
  throw new Unusable(
    `the key ${names.join(", ")} finds ${rows.length} rows of ${table.name}: nothing tells them apart`,
  );
}

/**
 * What is found by the key of a task that has no more than one: all that an action may have made that never ended, and the
 * row that was given. The database may spell it otherwise (`7` and `'7'`, a UUID in capitals): what is not found by its
 * own spelling is asked for again.
 */
async function rowsByKey(
  aims: readonly Aim[],
  table: Table,
  found: Found,
  {
    read,
    all,
  }: {
    read: (identities: readonly Identity[]) => Promise<NonNullable<Row>[]>;
    all: (key: Identity) => Promise<NonNullable<Row>[]>;
  },
): Promise<Map<Aim, readonly NonNullable<Row>[]>> {
  const rows = new Map<Aim, readonly NonNullable<Row>[]>();
  const unfound: [Aim, Identity][] = [];
  for (const aim of aims) {
    const [key = {}] = aim.wanted;
    const { subject } = aim.task;
    if ("given" in subject) {
      const some = found.byKey(table, subject.given.key, key);
      if (some.length === 0) unfound.push([aim, key]);
      rows.set(aim, some);
      // There are few of them.
    } else if (subject.captured.after === undefined) rows.set(aim, await all(subject.captured.key));
  }
  const isSpelledOtherwise = unfound.length > 0 && (await read(unfound.map(([, key]) => key))).length > 0;
  if (isSpelledOtherwise) for (const [aim, key] of unfound) rows.set(aim, await read([key]));
  return rows;
}

/** Rows that were read, found again by what identifies them; made once for each way to identify them, for all tasks. */
class Found {
  readonly rows: readonly NonNullable<Row>[];
  readonly #images = new Map<string, Map<string, Row>>();
  readonly #byKey = new Map<string, Map<string, NonNullable<Row>[]>>();
  readonly #leftOut = new Map<string, ReadonlySet<string>>();

  constructor(rows: readonly NonNullable<Row>[]) {
    this.rows = rows;
  }

  image(captured: Captured): ReadonlyMap<string, Row> {
    return remembered(this.#images, [captured.table, ...captured.identity].join("\u0000"), () =>
      asImage(captured, this.rows),
    );
  }

  /** By a key in the spelling of whoever asked for it; of a table without a primary key none, which tells rows apart. */
  byKey(table: Table, names: readonly string[], key: Identity): readonly NonNullable<Row>[] {
    const all = remembered(this.#byKey, names.join("\u0000"), () => {
      const byKey = new Map<string, NonNullable<Row>[]>();
      for (const row of asImage({ table: table.name, identity: table.primaryKey }, this.rows).values()) {
        if (row === null) continue;
        const text = keyText(row, names);
        byKey.set(text, [...(byKey.get(text) ?? []), row]);
      }
      return byKey;
    });
    return table.primaryKey.length === 0 ? [] : (all.get(keyText(key, names)) ?? []);
  }

  /** The columns of a task that are not compared. */
  leftOut({ ignore }: SqlTask, table: Table, generated: readonly string[]): ReadonlySet<string> {
    return remembered(this.#leftOut, [...ignore, "", ...generated].join("\u0000"), () => {
      const computed = table.columns.filter((column) => column.generated).map(({ name }) => name);
      return new Set([...ignore, ...generated, ...computed]);
    });
  }
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const made = known.get(key) ?? make();
  known.set(key, made);
  return made;
}

function seenBy(
  { task, wanted, images }: Aim,
  table: Table,
  found: Found,
  byKey: readonly NonNullable<Row>[],
  session: Session,
): Seen {
  if ("given" in task.subject || images === null) {
    const [key = {}] = wanted;
    if ("given" in task.subject)
      return seenGiven(task, task.subject.given, { table, found, key, rows: byKey, session });
    throw new Unusable("what was captured is not there");
  }
  const { captured } = task.subject;
  const { before, after, identities } = images;
  const all = found.image(captured);
  const now = new Map<string, Row>();
  for (const id of identities.keys()) now.set(id, all.get(id) ?? null);
  for (const [id, row] of asImage(captured, byKey)) now.set(id, row);
  return { task, table, before, after, now, identities, leftOut: found.leftOut(task, table, captured.generated) };
}

function seenGiven(
  task: SqlTask,
  given: Given,
  about: { table: Table; found: Found; key: Identity; rows: readonly NonNullable<Row>[]; session: Session },
): Seen {
  const { table, found, key, rows, session } = about;
  const [row = null] = rows;
  if (rows.length > 1) {
    throw new Unusable(
      `the key ${given.key.join(", ")} finds ${rows.length} rows of ${table.name}: nothing tells them apart`,
    );
  }
  const lost = unknownFields(given, table);
  if (lost.length > 0) throw new Unusable(`${table.name} has no column ${lost.join(", ")}, which the action changed`);
  const id = givenId(given, table, row, session.dialect);
  const naming = table.primaryKey.length > 0 ? table.primaryKey : given.key;
  const identity = row ? Object.fromEntries(naming.map((name) => [name, row[name] ?? null])) : key;
  const cells = (json: Given["before"]): Image => new Map([[id, cellsOf(json, row, table, session.dialect, given)]]);
  const names = givenNames(given);
  return {
    task,
    table,
    before: cells(given.before),
    after: given.after === undefined ? null : cells(given.after),
    now: new Map([[id, row]]),
    identities: new Map([[id, identity]]),
    // Of a row that an action gave in part, the rest is none of its business.
    leftOut: found.leftOut(
      task,
      table,
      table.columns.flatMap(({ name }) => (names.has(name) ? [] : [name])),
    ),
  };
}

/** What a row is found by again among those that were read: a key in the spelling of whoever asked for it. */
export function keyText(cells: Readonly<Record<string, Cell>>, names: readonly string[]): string {
  const [first = "", ...more] = names;
  if (more.length === 0) return unquoted(cells[first] ?? "'");
  return JSON.stringify(names.map((name) => unquoted(cells[name] ?? "'")));
}
