import { isNode, LineCounter, parseAllDocuments, type Document } from "yaml";
import { readPointer } from "../values/pointer.ts";

/** JSON or YAML that was read, with the places of its values. */
export interface Data {
  value: unknown;
  /** Line and column, from 1, of what a JSON Pointer points at; null where that is not known. */
  placeOf: (pointer: string) => { line: number; column: number } | null;
}

/** Finding places takes the YAML parser, which needs seconds for a megabyte. */
const MOST_PLACED = 256 * 1024;

/** Reads JSON, or one YAML document; `why` continues a sentence that begins with the file's name. */
export function parseData(text: string): Data | { why: string } {
  const json = parseJson(text);
  if (json && text.length > MOST_PLACED) return { value: json.value, placeOf: () => null };
  if (!json && text.trimStart().startsWith("<")) return { why: "is HTML or XML, neither JSON nor YAML" };
  const yaml = parseYaml(text);
  if (!json) return yaml;
  return { value: json.value, placeOf: "why" in yaml ? () => null : yaml.placeOf };
}

function parseJson(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    // Not JSON: then it may be YAML, whose complaints are the better ones.
    return null;
  }
}

function parseYaml(text: string): Data | { why: string } {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
    merge: true,
  });
  if (!Array.isArray(documents)) return { value: null, placeOf: () => null };
  const [document, ...more] = documents;
  const error = documents.flatMap(({ errors }) => errors)[0];
  if (error) return { why: `is neither JSON nor YAML: line ${lines.linePos(error.pos[0]).line}: ${error.message}` };
  if (!document) return { value: null, placeOf: () => null };
  if (more.length > 0) return { why: `holds ${documents.length} YAML documents where one is expected` };
  return toData(document, lines);
}

function toData(document: Document.Parsed, lines: LineCounter): Data | { why: string } {
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { value, placeOf: (pointer) => placeIn(document, value, pointer, lines) };
  } catch (error) {
    if (error instanceof ReferenceError) return { why: "has aliases that unfold to too much, or that name no anchor" };
    throw error;
  }
}

function placeIn(
  document: Document.Parsed,
  value: unknown,
  pointer: string,
  lines: LineCounter,
): { line: number; column: number } | null {
  if (!readPointer(value, pointer).found) return null;
  const path = pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isNode(node) || !node.range) return null;
  const { line, col } = lines.linePos(node.range[0]);
  return { line, column: col };
}
