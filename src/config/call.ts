import * as z from "zod";
import { duration, json, literalText, pointer, reading } from "./primitives.ts";

/** Requests, commands and sources: the shapes that may stand wherever clawproof.yaml names something to ask. */

const oneOrMore = <T extends z.ZodType>(type: T) => z.union([type, z.array(type).min(1)]);
const httpStatus = z.int().min(100).max(599);
const exitStatus = z.int().min(0).max(255);

const httpExpectation = {
  status: oneOrMore(httpStatus).optional(),
  json: z.record(pointer, json).optional(),
  text: literalText.optional(),
};
const commandExpectation = { exit: oneOrMore(exitStatus).optional(), stdout: literalText.optional() };

const httpFields = {
  url: literalText.min(1),
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]).optional(),
  headers: z.record(z.string(), literalText).optional(),
  json: json.optional(),
  body: literalText.optional(),
  timeout: duration.optional(),
};
const httpAnswers = {
  expect: z.strictObject(httpExpectation).optional(),
  refused: z.array(z.strictObject({ ...httpExpectation, gone: z.boolean().optional() })).optional(),
};
const commandFields = {
  command: z.array(literalText).min(1),
  stdin: literalText.optional(),
  timeout: duration.optional(),
};
const commandAnswers = {
  expect: z.strictObject(commandExpectation).optional(),
  refused: z.array(z.strictObject(commandExpectation)).optional(),
};

/** A request or a command, with fields that only this place knows (`stopped`, `within`, …). */
export function callWith<Extra extends z.ZodRawShape>(extra: Extra) {
  return z.union([
    z.strictObject({ ...httpFields, ...httpAnswers, ...extra }),
    z.strictObject({ ...commandFields, ...commandAnswers, ...extra }),
  ]);
}

export const call = callWith({});

/** Where only a command will do: what is run when we are gone. */
export const commandCall = z.strictObject({ ...commandFields, ...commandAnswers });

/** A call whose answer is read through a pointer. */
export const readCall = callWith({ at: pointer.optional() });

/** Like a call, but its URL is not needed: what is left out comes from the call it varies (`releaseAsAgent`). */
export const callVariation = z.strictObject({
  url: literalText.optional(),
  method: httpFields.method,
  headers: httpFields.headers,
  json: httpFields.json,
  body: httpFields.body,
  timeout: httpFields.timeout,
  command: z.array(literalText).min(1).optional(),
  expect: z.union([z.strictObject(httpExpectation), z.strictObject(commandExpectation)]).optional(),
  /** A call that the same credential may make: without it a refusal could be a typing error in the token. */
  control: call.optional(),
  token: literalText.optional(),
});

/** `PATH[#/POINTER]` or one of the long forms; all but the short one with an optional `at`. */
export const source = z.union([
  literalText,
  z.strictObject({ file: literalText, at: pointer.optional() }),
  z.strictObject({ text: literalText, at: pointer.optional() }),
  z.strictObject({ ...commandFields, ...commandAnswers, at: pointer.optional() }),
  z.strictObject({ ...httpFields, ...httpAnswers, at: pointer.optional() }),
]);

export { reading };
export type Call = z.infer<typeof call>;
export type HttpCall = Extract<Call, { url: string }>;
export type CommandCall = Extract<Call, { command: string[] }>;
export type CallVariation = z.infer<typeof callVariation>;
export type Source = z.infer<typeof source>;
export type HttpExpectation = NonNullable<HttpCall["expect"]>;
export type CommandExpectation = NonNullable<CommandCall["expect"]>;
export type Refusal = NonNullable<HttpCall["refused"]>[number] | NonNullable<CommandCall["refused"]>[number];
