import type { Hono } from "hono";
import * as z from "zod";
import { modeOf } from "../protocol/order.ts";
import { parseScope, SCOPE_FORMS, targetOf } from "../protocol/scope.ts";
import type { Mode } from "../protocol/mode.ts";
import type { App } from "./app.ts";
import { bodyOf } from "./bodies.ts";
import { Refused } from "./caller.ts";
import type { Switch } from "./switch.ts";

/**
 * OpenFeature's remote evaluation (OFREP 0.3): the switch as two flags, for agents in any language. `value` is always
 * there: where it lacks, an SDK takes the default of the code that asks, and that may be "go on".
 */

const FLAGS: Readonly<Record<string, (mode: Mode) => boolean>> = {
  "may-act": (mode) => mode !== "stopped",
  "may-write": (mode) => mode === "running",
};

const evaluation = z.object({ context: z.looseObject({ targetingKey: z.string().optional() }).optional() });

export function ofrepRoutes(app: Hono<App>, { killSwitch }: { killSwitch: Switch }): void {
  app.post("/ofrep/v1/evaluate/flags/:key", async ({ req }) => {
    const key = req.param("key");
    const flag = FLAGS[key];
    if (!Object.hasOwn(FLAGS, key) || !flag) {
      return failure(404, "FLAG_NOT_FOUND", `known flags are ${Object.keys(FLAGS).join(" and ")}`, key);
    }
    const asked = await targetingKeyOf(req.raw, key);
    return "problem" in asked ? asked.problem : Response.json(evaluated(key, flag, asked));
  });

  app.post("/ofrep/v1/evaluate/flags", async ({ req }) => {
    const asked = await targetingKeyOf(req.raw);
    if ("problem" in asked) return asked.problem;
    const { series, epoch } = killSwitch.standing;
    const etag = `"${series}.${epoch}.${killSwitch.boot}.${asked.scope}"`;
    if (req.header("if-none-match") === etag) return new Response(null, { status: 304, headers: { etag } });
    const flags = Object.entries(FLAGS).map(([key, flag]) => evaluated(key, flag, asked));
    return Response.json({ flags }, { headers: { etag } });
  });

  /** An SDK takes a problem for what it is only where it names the flag that was asked for. */
  async function targetingKeyOf(
    request: Request,
    key?: string,
  ): Promise<{ scope: string; mode: Mode } | { problem: Response }> {
    let text: string | undefined;
    try {
      text = (await bodyOf(request, evaluation)).body.context?.targetingKey;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { problem: failure(400, "PARSE_ERROR", error.message, key) };
    }
    if (text === undefined || text === "") {
      const words = "targetingKey names the scope, such as support-agent";
      return { problem: failure(400, "TARGETING_KEY_MISSING", words, key) };
    }
    const scope = parseScope(text);
    if (scope === null) {
      return { problem: failure(400, "INVALID_CONTEXT", `targetingKey is no scope: expected ${SCOPE_FORMS}`, key) };
    }
    return { scope: scope.text, mode: modeOf(killSwitch.standing.orders, targetOf(scope)) };
  }

  function evaluated(key: string, flag: (mode: Mode) => boolean, { mode }: { mode: Mode }) {
    const { series, epoch } = killSwitch.standing;
    return { key, value: flag(mode), reason: "TARGETING_MATCH", variant: mode, metadata: { series, epoch } };
  }
}

function failure(status: 400 | 404, errorCode: string, errorDetails: string, key?: string): Response {
  return Response.json({ key, errorCode, errorDetails }, { status });
}
