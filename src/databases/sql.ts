import type { Database, Dialect, Parameter, Value } from "./database.ts";

/** A piece of a statement: `texts` are what stands around its `values`, one more than there are of them. */
export interface Fragment {
  readonly texts: readonly string[];
  readonly values: readonly Parameter[];
}

const isFragment = (part: Fragment | Parameter): part is Fragment =>
  typeof part === "object" && part !== null && "texts" in part;

/** Text of a statement that is known to be one: a quoted name, or what somebody wrote into clawproof.yaml as SQL. */
export const raw = (text: string): Fragment => ({ texts: [text], values: [] });

/** A statement for all three dialects: fragments are put in, everything else becomes a parameter. */
export function sql(texts: TemplateStringsArray, ...parts: (Fragment | Parameter)[]): Fragment {
  return parts.reduce<Fragment>(
    (before, part, index) => {
      const piece = isFragment(part) ? part : { texts: ["", ""], values: [part] };
      return append(append(before, piece), raw(texts[index + 1] ?? ""));
    },
    raw(texts[0] ?? ""),
  );
}

/** Parameters with commas between them. */
export function list(values: readonly Parameter[]): Fragment {
  if (values.length === 0) return raw("");
  return { texts: ["", ...values.slice(1).map(() => ", "), ""], values };
}

/** Fragments one after the other. */
export function joined(fragments: readonly Fragment[], separator: string): Fragment {
  return fragments.reduce<Fragment>(
    (before, fragment, index) => append(index === 0 ? before : append(before, raw(separator)), fragment),
    raw(""),
  );
}

function append(before: Fragment, after: Fragment): Fragment {
  const [first = "", ...rest] = after.texts;
  return {
    texts: [...before.texts.slice(0, -1), `${before.texts.at(-1) ?? ""}${first}`, ...rest],
    values: [...before.values, ...after.values],
  };
}

/** The text with the dialect's placeholders. */
export function textOf({ texts }: Fragment, dialect: Dialect): string {
  const place = (index: number): string => (dialect === "postgres" ? `$${index}` : "?");
  return texts.map((text, index) => (index === 0 ? text : `${place(index)}${text}`)).join("");
}

/** Runs a statement in the dialect of the database. Throws DatabaseFailed. */
export function ask<Row extends object = Record<string, Value>>(
  database: Database,
  statement: Fragment,
): Promise<Row[]> {
  return database.query<Row>(textOf(statement, database.dialect), statement.values);
}
