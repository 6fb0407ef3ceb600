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
  // Of an action that never ended the rows that it may have made are found by its key alone.
  const wanted = [...identities.values(), ...(after === null ? [captured.key] : [])];
  return { task, wanted, images: { before, after, identities } };
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
  for (const group of shapes.values()) groups.push(await readRows(session, table, [...group.values()], { lock }));
  const found = new Found(groups.flat());
  return aims.map((aim) => seenBy(aim, table, found, session));
}

/** Rows that were read, found again by what identifies them; made once for each way to identify them, for all tasks. */
class Found {
  readonly rows: readonly NonNullable<Row>[];
  readonly #images = new Map<string, Map<string, Row>>();
  readonly #byKey = new Map<string, Map<string, NonNullable<Row>>>();
  readonly #leftOut = new Map<string, ReadonlySet<string>>();

  constructor(rows: readonly NonNullable<Row>[]) {
    this.rows = rows;
  }

  image(captured: Captured): ReadonlyMap<string, Row> {
    return remembered(this.#images, [captured.table, ...captured.identity].join("\u0000"), () =>
      asImage(captured, this.rows),
    );
  }

  byKey(names: readonly string[], key: string): NonNullable<Row> | null {
    const all = remembered(this.#byKey, names.join("\u0000"), () => {
      // Of several the first, as a search would find it.
      return new Map(this.rows.toReversed().map((row) => [keyText(row, names), row]));
    });
    return all.get(key) ?? null;
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

function seenBy({ task, wanted, images }: Aim, table: Table, found: Found, session: Session): Seen {
  if ("given" in task.subject || images === null) {
    if ("given" in task.subject) return seenGiven(task, task.subject.given, table, found, wanted, session);
    throw new Unusable("what was captured is not there");
  }
  const { captured } = task.subject;
  const { before, after, identities } = images;
  const all = found.image(captured);
  const now = new Map<string, Row>();
  for (const id of identities.keys()) now.set(id, all.get(id) ?? null);
  if (after === null) {
    const matching = found.rows.filter((row) =>
      Object.entries(captured.key).every(([name, cell]) => row[name] === cell),
    );
    for (const [id, row] of asImage(captured, matching)) now.set(id, row);
  }
  return { task, table, before, after, now, identities, leftOut: found.leftOut(task, table, captured.generated) };
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
    leftOut: found.leftOut(task, table, []),
  };
}

/** What a row is found by again among those that were read: a key in the spelling of whoever asked for it. */
export function keyText(cells: Readonly<Record<string, Cell>>, names: readonly string[]): string {
  const [first = "", ...more] = names;
  if (more.length === 0) return unquoted(cells[first] ?? "'");
  return JSON.stringify(names.map((name) => unquoted(cells[name] ?? "'")));
}

/** Of a row that an action gave in part, the rest is none of its business. */
function onlyGiven(row: NonNullable<Row>, { before, after }: Given): Row {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return Object.fromEntries(Object.entries(row).filter(([name]) => names.has(name)));
}
