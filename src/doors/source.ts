import { resolve } from "node:path";
import type { Level, Location } from "../audit/fact.ts";
import type { Source } from "../config/call.ts";
import { MissingSecret } from "../config/secrets.ts";
import { fill, mask, Unfilled } from "../config/template.ts";
import { readPointer } from "../values/pointer.ts";
import { complaintOf } from "./complaint.ts";
import { parseData, type Data } from "./data.ts";
import { describeCall } from "./describe.ts";
import { CallFailed, type Call, type CallContext } from "./door.ts";
import { matches } from "./expectation.ts";
import { isSameFile, readTextFile, UnreadableFile } from "./file.ts";
import { send } from "./send.ts";

/** What a source holds. */
export interface SourceText {
  /** Redacted. What `at` points at, if it is text; else as JSON. */
  text: string;
  /** Where `at` is given, or `readSourceValue` asked. */
  value?: unknown;
  /** The source as evidence names it: `agent/settings.yaml`, `GET http://127.0.0.1:4100/settings`. */
  shown: string;
  location?: Location;
  /** Text that stands in clawproof.yaml is somebody's word for it. */
  level: Extract<Level, "declared" | "inspected">;
}

/** A source that gave nothing; the message names it and says why, without secrets. */
export class SourceFailed extends Error {
  override name = "SourceFailed";
  readonly why: string;
  constructor(why: string, options?: ErrorOptions) {
    super(why, options);
    this.why = why;
  }
}

/** The text of a source; parsed only where `at` points into it. Throws SourceFailed. */
export async function readSource(source: Source, context: CallContext): Promise<SourceText> {
  const form = formOf(source);
  const raw = await readRaw(form, context);
  return form.at === null ? raw : pointedAt(raw, parsed(raw), form.at);
}

/** A source as a value: JSON or YAML, parsed, and what `at` points at in it. Throws SourceFailed. */
export async function readSourceValue(source: Source, context: CallContext): Promise<SourceText & { value: unknown }> {
  const form = formOf(source);
  const raw = await readRaw(form, context);
  const data = parsed(raw);
  return form.at === null ? { ...raw, value: data.value } : pointedAt(raw, data, form.at);
}

/** Whether reading it opens no connection and runs no command: what `--offline` may read. */
export function isOffline(source: Source): boolean {
  return !("call" in formOf(source));
}

type Form = { at: string | null } & ({ file: string } | { words: string } | { call: Call });

function formOf(source: Source): Form {
  if (typeof source === "string") {
    const [, file = source, at = null] = /^(.*?)#(\/.*)?$/s.exec(source) ?? [];
    return { file, at };
  }
  const at = source.at ?? null;
  if ("file" in source) return { file: source.file, at };
  if ("text" in source) return { words: source.text, at };
  return { call: source, at };
}

async function readRaw(form: Form, context: CallContext): Promise<SourceText> {
  try {
    if ("file" in form) return await readFromFile(form.file, context);
    if ("call" in form) return await readFromCall(form.call, context);
    const text = context.secrets.redact(await fill(form.words, context));
    return { text, shown: "clawproof.yaml", level: "declared" };
  } catch (error) {
    if (isExpected(error)) throw new SourceFailed(context.secrets.redact(error.message), { cause: error });
    throw error;
  }
}

type Expected = UnreadableFile | CallFailed | MissingSecret | Unfilled | SourceFailed;

function isExpected(error: unknown): error is Expected {
  return [UnreadableFile, CallFailed, MissingSecret, Unfilled, SourceFailed].some((kind) => error instanceof kind);
}

async function readFromFile(written: string, context: CallContext): Promise<SourceText> {
  const shown = await mask(written, context);
  const path = resolve(context.directory, await fill(written, context));
  const text = await readTextFile(path, shown);
  const location = { file: shown, line: 1, column: 1 };
  const own = context.configFile !== undefined && (await isSameFile(path, context.configFile));
  return { text: context.secrets.redact(text), shown, location, level: own ? "declared" : "inspected" };
}

async function readFromCall(call: Call, context: CallContext): Promise<SourceText> {
  const shown = await describeCall(call, context);
  const answer = await send(call, context).catch((error: unknown) => {
    if (error instanceof CallFailed) throw new SourceFailed(`${shown}: ${error.why}`, { cause: error });
    throw error;
  });
  const match = matches(answer, call.expect);
  if (!match.met) throw new SourceFailed(`${shown} ${match.why}${complaintOf(answer)}`);
  return { text: answer.via === "http" ? answer.text : answer.stdout, shown, level: "inspected" };
}

function parsed(raw: SourceText): Data {
  const data = parseData(raw.text);
  if ("why" in data) throw new SourceFailed(`${raw.shown} ${data.why}`);
  return data;
}

function pointedAt(raw: SourceText, data: Data, pointer: string): SourceText & { value: unknown } {
  const at = readPointer(data.value, pointer);
  if (!at.found) throw new SourceFailed(`${raw.shown} has nothing at ${pointer}`);
  const place = data.placeOf(pointer);
  return {
    ...raw,
    text: typeof at.value === "string" ? at.value : JSON.stringify(at.value),
    value: at.value,
    ...(raw.location && place ? { location: { ...raw.location, ...place } } : {}),
  };
}
