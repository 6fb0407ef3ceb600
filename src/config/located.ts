import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type YAMLError,
} from "yaml";
import type { Location } from "../audit/fact.ts";
import type { ConfigPath } from "./project.ts";
import { InvalidConfig, type Problem } from "./problems.ts";

/** YAML with the place of everything in it, so that values can be laid over each other and still be found in the file. */
export interface Located {
  /** Where the value begins. */
  at: Location;
  /** Where its key begins, for a value in a map. */
  keyAt?: Location;
  /** `""` for the top level, else the environment whose block it comes from. */
  block: string;
  content:
    | { kind: "map"; entries: Map<string, Located> }
    | { kind: "list"; items: Located[] }
    | { kind: "scalar"; value: unknown };
}

/** A configuration is written by hand: more than this is a mistake or an attack. */
const MOST_BYTES = 1024 * 1024;
const MOST_NODES = 50_000;
const MOST_DEPTH = 64;

export interface LocatedFile {
  root: Located;
  problem(location: Location, message: string): Problem;
}

/** Reads YAML 1.2. `needs`: what an empty file lacks. Throws InvalidConfig naming every syntax error and duplicate key. */
export function readLocated(text: string, file: string, needs: string): LocatedFile {
  const lines = new LineCounter();
  const top: Location = { file, line: 1, column: 1 };
  let split: string[] | undefined;
  const problem = (location: Location, message: string): Problem => {
    split ??= text.split(/\r?\n/);
    return { location, message, line: split[location.line - 1] ?? "" };
  };
  if (text.length > MOST_BYTES) {
    throw new InvalidConfig([
      { location: top, message: `the file is larger than 1 MiB; a configuration is a page or two`, line: "" },
    ]);
  }
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false, version: "1.2" });
  const place = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (document.errors.length > 0) {
    // Every level that is left open would complain as well.
    const tooDeep = document.errors.find(isTooDeep);
    const errors = tooDeep ? [tooDeep] : document.errors;
    throw new InvalidConfig(errors.map((error) => problem(place(error.pos[0]), wordsFor(error))));
  }
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    throw new InvalidConfig([problem(top, `the file is empty; it needs at least ${needs}`)]);
  }
  const budget = { left: MOST_NODES };
  const root = locate(document.contents, { document, place, budget, problem }, 0);
  return { root, problem };
}

interface Reading {
  document: Document;
  place(offset: number): Location;
  budget: { left: number };
  problem(location: Location, message: string): Problem;
}

function locate(node: Node | null, reading: Reading, depth: number): Located {
  const at = reading.place(node?.range?.[0] ?? 0);
  if (--reading.budget.left < 0 || depth > MOST_DEPTH) {
    throw new InvalidConfig([reading.problem(at, "anchors and aliases, or nesting, unfold to too much here")]);
  }
  if (isAlias(node)) {
    const target = node.resolve(reading.document);
    if (target === undefined) throw new InvalidConfig([reading.problem(at, `no anchor is named \`${node.source}\``)]);
    return { ...locate(target, reading, depth + 1), at };
  }
  if (isMap(node)) {
    const entries = new Map<string, Located>();
    for (const pair of node.items) {
      const key = pair.key as Node | null;
      const keyAt = reading.place(key?.range?.[0] ?? 0);
      if (!isScalar(key)) throw new InvalidConfig([reading.problem(keyAt, "a key must be plain text")]);
      entries.set(String(key.value), { ...locate(pair.value as Node | null, reading, depth + 1), keyAt });
    }
    return { at, block: "", content: { kind: "map", entries } };
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => locate(item as Node | null, reading, depth + 1));
    return { at, block: "", content: { kind: "list", items } };
  }
  return { at, block: "", content: { kind: "scalar", value: isScalar(node) ? node.value : null } };
}

const isTooDeep = ({ message }: YAMLError): boolean => /call stack/.test(message);

function wordsFor(error: YAMLError): string {
  if (error.code === "DUPLICATE_KEY") return "this key stands here twice; keep one";
  if (isTooDeep(error)) return "this is nested too deeply";
  if (error.code === "MULTIPLE_DOCS") return "expected one YAML document, found several";
  return `not YAML: ${error.message}`;
}

/** The plain value, as `JSON.parse` would give it. */
export function plain(node: Located): unknown {
  switch (node.content.kind) {
    case "map":
      return Object.fromEntries([...node.content.entries].map(([key, value]) => [key, plain(value)]));
    case "list":
      return node.content.items.map(plain);
    case "scalar":
      return node.content.value;
  }
}

/** The node at a path, or undefined. */
export function nodeAt(root: Located, path: ConfigPath): Located | undefined {
  let node: Located | undefined = root;
  for (const step of path) {
    if (node === undefined) return undefined;
    node =
      node.content.kind === "map"
        ? node.content.entries.get(String(step))
        : node.content.kind === "list" && typeof step === "number"
          ? node.content.items[step]
          : undefined;
  }
  return node;
}

/** The place of what stands at `path`, or of the nearest section around it that stands in the file. */
export function placeOf(root: Located, path: ConfigPath): Location {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(root, path.slice(0, length));
    if (node) return node.keyAt ?? node.at;
  }
  return { ...root.at, line: 1, column: 1 };
}
