import { readPointer } from "../values/pointer.ts";
import { nearest } from "./problems.ts";
import { MissingSecret, type Secrets } from "./secrets.ts";

/** What clawproof itself fills into requests and commands (contract, 3.1). */
export const PLACEHOLDERS = [
  "scope",
  "reason",
  "mark",
  "activator",
  "environment",
  "trace",
  "since",
  "until",
  "seconds",
  "ttlSeconds",
] as const;
export type PlaceholderName = (typeof PLACEHOLDERS)[number];
export type PlaceholderValues = Partial<Record<PlaceholderName, string | number>>;

/** What fills a template: secrets by name, placeholders by value. */
export interface Filling {
  secrets: Secrets;
  placeholders: PlaceholderValues;
  /** The action record, under `rollback.undo`. */
  record?: Readonly<Record<string, unknown>> | undefined;
}

/** A piece of a string from clawproof.yaml; `record` stands for a field of an action record, under `rollback.undo` alone. */
export type TemplatePart =
  | { kind: "literal"; text: string }
  | { kind: "secret"; name: string; default?: string }
  | { kind: "placeholder"; name: PlaceholderName }
  | { kind: "record"; field: string; pointer: string };

const OPENING = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const SECRET = /^([A-Z][A-Z0-9_]*)(?::-(.*))?$/s;
const RECORD = /^record\.([A-Za-z_][A-Za-z0-9_]*)((?:\/.*)?)$/s;

/** Takes a string apart at its `${…}`; every problem is a sentence for whoever wrote it, and none means it can be filled. */
export function parseTemplate(text: string): { parts: TemplatePart[]; problems: string[] } {
  const parts: TemplatePart[] = [];
  const problems: string[] = [];
  let end = 0;
  for (const match of text.matchAll(OPENING)) {
    if (match.index > end) parts.push({ kind: "literal", text: text.slice(end, match.index) });
    end = match.index + match[0].length;
    const part = partOf(match[0], match[1]);
    if (typeof part === "string") problems.push(part);
    else parts.push(part);
  }
  if (end < text.length) parts.push({ kind: "literal", text: text.slice(end) });
  return { parts, problems };
}

function partOf(written: string, inside: string | undefined): TemplatePart | string {
  if (written === "$${") return { kind: "literal", text: "${" };
  if (inside === undefined) return "`${` without its `}`; a literal `${` is written `$${`";
  const secret = SECRET.exec(inside);
  if (secret?.[1] !== undefined) return secretPart(secret[1], secret[2]);
  const record = RECORD.exec(inside);
  if (record?.[1] !== undefined) return { kind: "record", field: record[1], pointer: record[2] ?? "" };
  const name = PLACEHOLDERS.find((known) => known === inside);
  return name === undefined ? unknownPlaceholder(inside) : { kind: "placeholder", name };
}

function secretPart(name: string, fallback: string | undefined): TemplatePart | string {
  if (fallback === undefined) return { kind: "secret", name };
  if (fallback.includes("${")) return `the default of \`\${${name}}\` cannot hold another \`\${…}\``;
  return { kind: "secret", name, default: fallback };
}

function unknownPlaceholder(inside: string): string {
  if (/^record\b/.test(inside)) {
    return `unknown placeholder \`\${${inside}}\`; a field of the action record is \`\${record.reference}\`, what is in one \`\${record.before/plan}\``;
  }
  const near = nearest(inside, PLACEHOLDERS);
  const advice =
    near === undefined
      ? `known are ${PLACEHOLDERS.join(", ")}; secrets are in capitals, and a literal is written \`$\${\``
      : `did you mean \`\${${near}}\`?`;
  return `unknown placeholder \`\${${inside}}\`; ${advice}`;
}

/** Names of the placeholders in a string, or in every string inside a value. */
export function placeholdersIn(value: unknown): PlaceholderName[] {
  if (typeof value === "string") {
    return parseTemplate(value).parts.flatMap((part) => (part.kind === "placeholder" ? [part.name] : []));
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(placeholdersIn) : [];
}

/** Names of the secrets in a string, or in every string inside a value, each once. */
export function secretsIn(value: unknown): string[] {
  return [...new Set(secretPartsIn(value).map((part) => part.name))];
}

/** As `secretsIn`, without those that have a default wherever they stand: what `--dry-run` must find set. */
export function requiredSecretsIn(value: unknown): string[] {
  const required = secretPartsIn(value).filter((part) => part.default === undefined);
  return [...new Set(required.map((part) => part.name))];
}

function secretPartsIn(value: unknown): Extract<TemplatePart, { kind: "secret" }>[] {
  if (typeof value === "string") return parseTemplate(value).parts.filter((part) => part.kind === "secret");
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(secretPartsIn);
  return [];
}

/** A template that asks for what has no value where it stands (`${trace}` in a `status`); the message says so. */
export class Unfilled extends Error {
  override name = "Unfilled";
}

/** How values go into the text: percent-encoded for a URL, or as they are. */
export type Encoding = "url" | "none";

/** The text with its `${…}` filled in. Throws MissingSecret or Unfilled. */
export async function fill(text: string, filling: Filling, encoding: Encoding = "none"): Promise<string> {
  const { parts, problems } = parseTemplate(text);
  if (problems[0] !== undefined) throw new Unfilled(problems[0]);
  let filled = "";
  for (const [index, part] of parts.entries()) {
    const value = String(await valueOf(part, filling));
    const raw = part.kind === "literal" || encoding === "none" || standsRaw(part, filled, parts.slice(index + 1));
    filled += raw ? value : encodeURIComponent(value);
  }
  return filled;
}

/** A JSON value with its strings filled in; a string that is nothing else than one placeholder becomes of the placeholder's own type. */
export async function fillJson(value: unknown, filling: Filling): Promise<unknown> {
  if (typeof value === "string") return fillString(value, filling);
  if (Array.isArray(value)) return Promise.all(value.map((item: unknown) => fillJson(item, filling)));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(async ([key, member]) => [key, await fillJson(member, filling)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function fillString(text: string, filling: Filling): Promise<unknown> {
  const { parts, problems } = parseTemplate(text);
  const [only, second] = parts;
  if (only === undefined || second !== undefined || problems.length > 0) return fill(text, filling);
  if (only.kind === "record") return recordValue(only, filling);
  return only.kind === "placeholder" ? placeholderValue(only.name, filling) : fill(text, filling);
}

/**
 * The template as evidence may show it: placeholders filled, secrets as `${NAME}`, but a default as it is where it is
 * what would be sent.
 */
export async function mask(text: string, filling: Filling, encoding: Encoding = "none"): Promise<string> {
  const shown = parseTemplate(text).parts.map((part) => maskPart(part, filling, encoding));
  return (await Promise.all(shown)).join("");
}

async function maskPart(part: TemplatePart, filling: Filling, encoding: Encoding): Promise<string> {
  const { secrets, placeholders } = filling;
  if (part.kind === "literal") return part.text;
  if (part.kind === "placeholder") {
    const value = placeholders[part.name];
    if (value === undefined) return `\${${part.name}}`;
    return secrets.redact(encoding === "url" ? encodeURIComponent(value) : String(value));
  }
  if (part.kind === "record") return `\${record.${part.field}${part.pointer}}`;
  return part.default === undefined || (await secrets.has(part.name)) ? `\${${part.name}}` : part.default;
}

async function valueOf(part: TemplatePart, filling: Filling): Promise<string | number> {
  if (part.kind === "literal") return part.text;
  if (part.kind === "placeholder") return placeholderValue(part.name, filling);
  if (part.kind === "record") return recordText(part, filling);
  return secretValue(part.name, part.default, filling.secrets);
}

type RecordPart = Extract<TemplatePart, { kind: "record" }>;

/** What names a thing: null is no name, and a request that names nothing may be understood as all. */
const NAMES = new Set(["reference", "target"]);

/** Of its own type; null where the record holds null, which as a state means that there was nothing. Throws Unfilled. */
function recordValue({ field, pointer }: RecordPart, { record }: Filling): unknown {
  const value = record && Object.hasOwn(record, field) ? record[field] : undefined;
  if (value === null && NAMES.has(field)) throw new Unfilled(`\`\${record.${field}}\` is empty in this record`);
  const read = value === undefined ? { found: false as const } : readPointer(value, pointer);
  if (read.found) return read.value;
  throw new Unfilled(`\`\${record.${field}${pointer}}\` has no value here`);
}

/** As part of a text, where null would be no more than the word. Throws Unfilled. */
function recordText(part: RecordPart, filling: Filling): string {
  const value = recordValue(part, filling);
  if (value === null) throw new Unfilled(`\`\${record.${part.field}${part.pointer}}\` is empty in this record`);
  return typeof value === "string" ? value : JSON.stringify(value);
}

function placeholderValue(name: PlaceholderName, filling: Filling): string | number {
  const value = filling.placeholders[name];
  if (value === undefined) throw new Unfilled(`\`\${${name}}\` has no value here`);
  return value;
}

async function secretValue(name: string, fallback: string | undefined, secrets: Secrets): Promise<string> {
  try {
    return await secrets.get(name);
  } catch (error) {
    // A default is for what nobody set, not for a source that is named under `secrets:` and broke.
    if (error instanceof MissingSecret && error.why === null && fallback !== undefined) return fallback;
    throw error;
  }
}

const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*$/i;

/**
 * A secret may hold the whole base of a URL (`${SWITCH_URL}/stop`) or its host (`https://${HOST}:8443/`), which encoding
 * would break; a user or a password before the `@` is encoded, or its `/` and `@` would end the host.
 */
function standsRaw(part: TemplatePart, before: string, after: TemplatePart[]): boolean {
  if (part.kind !== "secret") return false;
  if (before === "") return true;
  const rest = after.map((next) => (next.kind === "literal" ? next.text : "")).join("");
  const isUserOrPassword = /^[^/?#]*@/.test(rest);
  return AUTHORITY.test(before) && !isUserOrPassword;
}
