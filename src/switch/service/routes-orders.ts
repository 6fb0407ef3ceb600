import type { Hono } from "hono";
import type { OrderAnswer } from "../protocol/messages.ts";
import type { Answers } from "./answers.ts";
import type { App } from "./app.ts";
import { bodyOf, drillBody, drillsQuery, killBody, releaseBody, reportBody, tripBody, valid } from "./bodies.ts";
import { type Caller, mustHave, Refused } from "./caller.ts";
import { NotDurable } from "./store.ts";
import type { Asking, Switch } from "./switch.ts";

export interface OrderDeps {
  killSwitch: Switch;
  answers: Answers;
}

/** Orders, trips, reports, lines of drills: everything that an operator or an agent says. */
export function orderRoutes(app: Hono<App>, { killSwitch, answers }: OrderDeps): void {
  app.post("/v1/kill", async ({ req, var: { caller } }) => {
    const { body, text } = await bodyOf(req.raw, killBody);
    return once(req.raw, caller, text, (asking) => killSwitch.kill(body, asking));
  });

  app.post("/v1/release", async ({ req, var: { caller } }) => {
    const { body, text } = await bodyOf(req.raw, releaseBody);
    return once(req.raw, caller, text, (asking) => {
      try {
        return killSwitch.release(body, asking);
      } catch (error) {
        if (!(error instanceof NotDurable)) throw error;
        throw new Refused(
          507,
          "the release could not be written to disk, so nothing was released: make room, then try again",
        );
      }
    });
  });

  app.post("/v1/trip", async ({ req, var: { caller } }) => {
    const { body, text } = await bodyOf(req.raw, tripBody);
    return once(req.raw, caller, text, (asking) => killSwitch.trip(body, asking));
  });

  app.post("/v1/report", async ({ req, body, var: { caller } }) => {
    killSwitch.report((await bodyOf(req.raw, reportBody)).body, caller);
    return body(null, 204);
  });

  app.get("/v1/drills", ({ req, json, var: { caller } }) => {
    mustHave(caller, "read", "reading drills");
    const { agent, after, limit } = valid(req.query(), drillsQuery);
    const { store, standing } = killSwitch;
    // The entries, not their lines alone: who kept a line and when, and the hash that shows it was not altered.
    const entries = store.log({ after, limit, drills: agent === undefined ? true : { agent } });
    return json({ series: standing.series, entries });
  });

  app.post("/v1/drills", async ({ req, json, var: { caller } }) => {
    mustHave(caller, "release", "keeping a drill's line");
    const { line } = (await bodyOf(req.raw, drillBody)).body;
    const { name: by, from } = caller;
    killSwitch.note({ kind: "drill", by, from, line });
    return json({ seq: killSwitch.store.head.seq }, 201);
  });

  /** An order is given once for each Idempotency-Key. */
  function once(request: Request, caller: Caller, text: string, give: (asking: Asking) => OrderAnswer): Response {
    const key = request.headers.get("idempotency-key");
    if (key === null || key === "") return answered(give({ caller }));
    const asked = `${new URL(request.url).pathname} ${text}`;
    const before = answers.find(caller.tokenId, key, asked);
    if (before) return answered(killSwitch.again(before));
    const answer = give({ caller, beside: (given) => answers.keep(caller.tokenId, key, asked, given) });
    if (!answer.durable) answers.keepUnsaved(caller.tokenId, key, asked, answer);
    return answered(answer);
  }
}

function answered(answer: OrderAnswer): Response {
  return Response.json(answer, { status: answer.durable ? 200 : 507 });
}
