import * as z from "zod";
import { configSchema } from "./schema.ts";
import { switchFileSchema } from "./switch-schema.ts";

type JsonObject = { [key: string]: unknown };

/** The JSON Schema (draft 2020-12) of clawproof.yaml, generated from what the loader checks with: editors complete from it. */
export function publishedSchema(): JsonObject {
  const schema = jsonSchemaOf(configSchema);
  const definitions = (schema["$defs"] ?? {}) as JsonObject;
  const properties = { ...(schema["properties"] as JsonObject) };
  const { version: _version, ...sections } = properties;
  const relaxed = Object.entries(definitions).map(([name, value]) => [`${name}${LAYER}`, inLayer(value)]);
  const block: JsonObject = {
    type: ["object", "null"],
    description:
      "Laid over the rest: maps merge, lists and scalars replace, null removes. Consents are never inherited.",
    properties: { protected: { type: "boolean" }, ...nullable(sections) },
    additionalProperties: false,
  };
  return {
    ...schema,
    title: "clawproof.yaml",
    properties: { ...properties, environments: { type: "object", additionalProperties: block } },
    $defs: { ...definitions, ...(Object.fromEntries(relaxed) as JsonObject) },
  };
}

/** The JSON Schema of switch.yaml. */
export function publishedSwitchSchema(): JsonObject {
  return { ...jsonSchemaOf(switchFileSchema), title: "switch.yaml" };
}

function jsonSchemaOf(schema: z.ZodType): JsonObject {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any", reused: "ref" });
}

/** Marks the definitions as a layer uses them. */
const LAYER = "-layer";

/** A layer may leave anything out, and `null` takes anything away. */
function inLayer(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(inLayer);
  if (typeof schema !== "object" || schema === null) return schema;
  const { required: _required, ...rest } = schema as JsonObject;
  const entries = Object.entries(rest).map(([key, value]) => {
    if (key === "$ref") return [key, `${String(value)}${LAYER}`];
    if (key === "properties") return [key, nullable(value as JsonObject)];
    return [key, inLayer(value)];
  });
  return Object.fromEntries(entries);
}

function nullable(properties: JsonObject): JsonObject {
  const entries = Object.entries(properties).map(([key, value]) => [
    key,
    { anyOf: [inLayer(value), { type: "null" }] },
  ]);
  return Object.fromEntries(entries) as JsonObject;
}
