import { readFile, stat } from "node:fs/promises";
import type * as z from "zod";
import { plain, type Located, type LocatedFile } from "./located.ts";
import { COLUMNS, JSON_COLUMNS } from "../ledger/record.ts";
import { isPointer } from "../values/pointer.ts";
import { InvalidConfig, nearest, type Problem } from "./problems.ts";
import { schemaFindings, textsIn, type Finding } from "./schema-problems.ts";
import { parseTemplate } from "./template.ts";

/** What reading clawproof.yaml and switch.yaml has in common. */

/** Larger files are refused before they are read whole. */
const MOST_BYTES = 1024 * 1024;

/** The text of a configuration file. Throws InvalidConfig. */
export async function readConfigText(file: string, shownFile: string): Promise<string> {
  const found = await stat(file).catch(() => null);
  if (found === null) throw unreadable(shownFile, "there is no such file");
  if (found.isDirectory()) throw unreadable(shownFile, "this is a folder; name the file");
  // A device never ends, and a pipe may never begin.
  if (!found.isFile()) throw unreadable(shownFile, "this is not a plain file");
  if (found.size > MOST_BYTES)
    throw unreadable(shownFile, "the file is larger than 1 MiB; a configuration is a page or two");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    const why = error instanceof TypeError ? "it is not UTF-8 text" : "it cannot be read (permissions?)";
    throw unreadable(shownFile, why);
  }
}

export function unreadable(file: string, message: string): InvalidConfig {
  return new InvalidConfig([{ location: { file, line: 1, column: 1 }, message, line: "" }]);
}

/** The file as its schema reads it, or all that is wrong with it. */
export function validate<Schema extends z.ZodType>(
  root: Located,
  schema: Schema,
): { config: z.output<Schema> | undefined; findings: Finding[] } {
  const result = schema.safeParse(plain(root));
  if (result.success) return { config: result.data, findings: [] };
  return { config: undefined, findings: schemaFindings(result.error.issues, schema, root) };
}

/** Every `${…}` that is none. */
export function templateFindings(root: Located): Finding[] {
  return textsIn(root).flatMap(({ path, text, at }) => {
    const { parts, problems } = parseTemplate(text);
    const ofRecords = parts.flatMap((part) => (part.kind === "record" ? recordProblem(part, path) : []));
    return [...problems, ...ofRecords].map((message) => ({ location: at, message }));
  });
}

/** `${record.FIELD}` has a meaning under `rollback.undo` alone, and a pointer one where the field holds JSON. */
function recordProblem(
  { field, pointer }: { field: string; pointer: string },
  path: readonly (string | number)[],
): string[] {
  const written = `\`\${record.${field}${pointer}}\``;
  const [first, second] = path[0] === "environments" ? path.slice(2) : path;
  if (first !== "rollback" || second !== "undo") return [`${written} has a value under rollback.undo alone`];
  const known = COLUMNS.find((column) => column === field);
  if (!known) {
    const near = nearest(field, COLUMNS);
    return [
      `a record has no field ${field}; ${near === undefined ? `it has ${COLUMNS.join(", ")}` : `did you mean ${near}?`}`,
    ];
  }
  if (pointer === "" || (JSON_COLUMNS.has(known) && isPointer(pointer))) return [];
  return [
    JSON_COLUMNS.has(known) ? `${pointer} is no JSON Pointer` : `${field} holds no JSON for ${pointer} to point into`,
  ];
}

/** In the order of the file, each once. */
export function problemsFrom(findings: readonly Finding[], located: LocatedFile): Problem[] {
  const seen = new Set<string>();
  const problems: Problem[] = [];
  for (const { location, message } of findings) {
    const key = `${String(location.line)}:${String(location.column)}:${message}`;
    if (seen.has(key)) continue;
    seen.add(key);
    problems.push(located.problem(location, message));
  }
  return problems.sort((a, b) => a.location.line - b.location.line || a.location.column - b.location.column);
}
