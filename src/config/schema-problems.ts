import * as z from "zod";
import type { Location } from "../audit/fact.ts";
import { nodeAt, placeOf, plain, type Located } from "./located.ts";
import { nearest } from "./problems.ts";

type Issue = z.core.$ZodIssue;
type Path = (string | number)[];

export interface Finding {
  location: Location;
  message: string;
}

/** What zod found, in words, each at its place in the file. */
export function schemaFindings(issues: readonly Issue[], schema: z.ZodType, root: Located): Finding[] {
  return issues.flatMap((issue) => findingsFor(issue, [], schema, root));
}

function findingsFor(issue: Issue, above: Path, schema: z.ZodType, root: Located): Finding[] {
  const path = [...above, ...(issue.path as Path)];
  const node = nodeAt(root, path);
  const place = node?.at ?? placeOf(root, path.slice(0, -1));
  const name = lastName(path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        location: placeOf(root, [...path, key]),
        message: unknownKey(key, keysAt([schema], path)),
      }));
    case "invalid_union":
      return unionFindings(issue, path, schema, root, place);
    case "invalid_key":
      return [{ location: node?.keyAt ?? place, message: issue.issues[0]?.message ?? "this key is not allowed here" }];
    case "invalid_type":
      return [{ location: place, message: wrongType(expectedWords(issue.expected), node, name) }];
    case "invalid_value":
      if (!node) return [{ location: place, message: `\`${name}\` is missing` }];
      return [{ location: place, message: `expected ${issue.values.map(String).join(" or ")}, found ${found(node)}` }];
    case "too_small":
    case "too_big":
      return [{ location: place, message: limitWords(issue) }];
    default:
      return [{ location: place, message: issue.message }];
  }
}

/** Of several shapes, the one that was most likely meant: the one with the least wrong in it. */
function unionFindings(
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: Path,
  schema: z.ZodType,
  root: Located,
  place: Location,
): Finding[] {
  const node = nodeAt(root, path);
  const fitting = issue.errors.filter(
    (branch) => !branch.some((one) => one.code === "invalid_type" && one.path.length === 0),
  );
  if (fitting.length === 0) {
    const kinds = new Set(
      issue.errors.flatMap((branch) =>
        branch.map((one) => (one.code === "invalid_type" ? expectedWords(one.expected) : "")),
      ),
    );
    const words = [...kinds].filter((kind) => kind !== "").join(" or ");
    return [{ location: place, message: wrongType(words, node, lastName(path)) }];
  }
  const scored = fitting.map((branch) => ({ branch, score: wrongness(branch) }));
  scored.sort((a, b) => a.score - b.score);
  return (scored[0]?.branch ?? []).flatMap((one) => findingsFor(one, path, schema, root));
}

function wrongness(branch: readonly Issue[]): number {
  let score = 0;
  for (const issue of branch) {
    if (issue.code === "unrecognized_keys") score += 3 * issue.keys.length;
    else if (issue.path.length > 1) score += 1;
    else score += 2;
  }
  return score;
}

function unknownKey(key: string, known: string[]): string {
  if (known.includes(key)) return `\`${key}\` cannot stand beside the other keys here`;
  const near = nearest(key, known);
  if (near !== undefined) return `unknown key \`${key}\`; did you mean \`${near}\`?`;
  return `unknown key \`${key}\`; known here: ${known.join(", ")}`;
}

function wrongType(expected: string, node: Located | undefined, name: string): string {
  if (!node) return `\`${name}\` is missing: expected ${expected}`;
  const quotes = expected.startsWith("text") && isPlainValue(node) ? " (put it in quotes)" : "";
  return `expected ${expected}, found ${found(node)}${quotes}`;
}

function isPlainValue(node: Located): boolean {
  return node.content.kind === "scalar" && ["number", "boolean", "bigint"].includes(typeof node.content.value);
}

function found(node: Located): string {
  if (node.content.kind === "map") return "a map";
  if (node.content.kind === "list") return "a list";
  const { value } = node.content;
  if (value === null) return "nothing";
  return `the ${typeof value === "string" ? "text" : typeof value} ${JSON.stringify(value)}`;
}

const WORDS: Record<string, string> = {
  string: "text",
  object: "a map",
  record: "a map",
  array: "a list",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};
const expectedWords = (expected: string): string => WORDS[expected] ?? expected;

function limitWords(issue: Extract<Issue, { code: "too_small" | "too_big" }>): string {
  if (issue.code === "too_small") {
    if (issue.origin === "string") return "expected text, found nothing between the quotes";
    if (issue.origin === "array") return `expected at least ${String(issue.minimum)} entry`;
    return `expected at least ${String(issue.minimum)}`;
  }
  return `expected at most ${String(issue.maximum)}`;
}

function lastName(path: Path): string {
  return String(path.at(-1) ?? "clawproof.yaml");
}

/** Every key that some shape allows at `path`, for "did you mean". */
export function keysAt(schemas: readonly z.ZodType[], path: Path): string[] {
  let level = schemas.flatMap(shapesOf);
  for (const step of path) level = level.flatMap((schema) => stepInto(schema, step)).flatMap(shapesOf);
  return [...new Set(level.flatMap(keysOf))];
}

function keysOf(schema: z.ZodType): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodRecord && schema.keyType instanceof z.ZodEnum) return schema.keyType.options.map(String);
  return [];
}

function shapesOf(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return shapesOf(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(shapesOf);
  return [schema];
}

function stepInto(schema: z.ZodType, step: string | number): z.ZodType[] {
  if (schema instanceof z.ZodObject) {
    const child = (schema.shape as Record<string, z.ZodType | undefined>)[String(step)];
    return child ? [child] : [];
  }
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  if (schema instanceof z.ZodRecord) return [schema.valueType as z.ZodType];
  return [];
}

/** The text values below a node with their paths: for checking `${…}`. */
export function textsIn(node: Located, path: Path = []): { path: Path; text: string; at: Location }[] {
  if (node.content.kind === "list") {
    return node.content.items.flatMap((item, index) => textsIn(item, [...path, index]));
  }
  if (node.content.kind === "map") {
    return [...node.content.entries].flatMap(([key, value]) => textsIn(value, [...path, key]));
  }
  const value = plain(node);
  return typeof value === "string" ? [{ path, text: value, at: node.at }] : [];
}
