import { isCollection, isNode, LineCounter, parseAllDocuments, visit } from "yaml";
import type { Document } from "yaml";
import { isMap } from "./fields.ts";
import type { YamlMap } from "./fields.ts";

/** One object of a manifest. Lines count from 1. */
export interface ManifestObject {
  line: number;
  object: YamlMap;
}

/** A document that could not be read; `text` as written: what it was going to be can still be seen in it. */
export interface UnreadDocument {
  line: number;
  why: string;
  text: string;
}

export type ManifestDocument = ManifestObject | UnreadDocument;

export function isObject(document: ManifestDocument): document is ManifestObject {
  return "object" in document;
}

export function isUnread(document: ManifestDocument): document is UnreadDocument {
  return "why" in document;
}

/**
 * The objects of a multi-document YAML or JSON file, lists taken apart. A document that cannot be parsed costs only
 * itself: the text is cut at its `---` lines first, which YAML knows nowhere but between documents (YAML 1.2.2, section 9.1.2).
 */
export function readDocuments(text: string): ManifestDocument[] {
  return parts(text).flatMap(({ text: part, line }) => readPart(part, line));
}

interface Part {
  text: string;
  line: number;
}

function parts(text: string): Part[] {
  const found: Part[] = [];
  let current: Part = { text: "", line: 1 };
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    if (/^---(?:\s|$)/.test(line)) {
      found.push(current);
      current = { text: `${line}\n`, line: index + 1 };
    } else current.text += `${line}\n`;
  }
  return [...found, current];
}

function readPart(text: string, firstLine: number): ManifestDocument[] {
  const lines = new LineCounter();
  // YAML 1.1, as kubectl reads it: `no` is false, and `<<` merges.
  const options = { lineCounter: lines, version: "1.1", prettyErrors: false, logLevel: "silent" } as const;
  const lineAt = (offset: number) => firstLine + Math.max(lines.linePos(offset).line, 1) - 1;
  return Array.from(parseAllDocuments(text, options)).flatMap((document) => {
    const why = unreadable(document, text, lineAt);
    if (why !== undefined) return [{ line: start(document, lineAt), why, text }];
    return objects(document, text, lineAt);
  });
}

function unreadable(document: Document, text: string, lineAt: (offset: number) => number): string | undefined {
  const [error] = document.errors;
  if (text.includes("{{") && (error !== undefined || hasMapAsKey(document)))
    return "it is a template: render it first, and name the result";
  if (error === undefined) return undefined;
  return `it cannot be parsed: ${error.message} (line ${lineAt(error.pos[0])})`;
}

/** An unquoted `{{ … }}` parses as a map whose key is a map: Kubernetes has no such thing, Helm charts have nothing else. */
function hasMapAsKey(document: Document): boolean {
  let found = false;
  visit(document, {
    Pair(_, pair) {
      if (!isCollection(pair.key)) return undefined;
      found = true;
      return visit.BREAK;
    },
  });
  return found;
}

function objects(document: Document, text: string, lineAt: (offset: number) => number): ManifestDocument[] {
  const line = start(document, lineAt);
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    return [{ line, why: `it cannot be parsed: ${error instanceof Error ? error.message : String(error)}`, text }];
  }
  if (!isMap(value)) return [];
  const items = value["items"];
  if (!String(value["kind"]).endsWith("List") || !Array.isArray(items)) return [{ line, object: value }];
  return items.flatMap((item, index) => {
    const node = document.getIn(["items", index], true);
    const at = isNode(node) && node.range ? lineAt(node.range[0]) : line;
    return isMap(item) ? [{ line: at, object: item }] : [];
  });
}

/** The line of the first thing written in a document, comments left out. */
function start(document: Document, lineAt: (offset: number) => number): number {
  return lineAt(document.contents?.range?.[0] ?? document.range?.[0] ?? 0);
}
