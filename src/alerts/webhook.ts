import type { CallContext } from "../doors/door.ts";
import type { Clock } from "../values/clock.ts";
import type { News } from "./news.ts";
import { delivered, failed, refusedBy, type Outcome } from "./outcome.ts";
import { filled, post } from "./post.ts";
import type { WebhookRoute } from "./route.ts";

const FORM = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
/** Bytes that Standard Webhooks allows for a secret. */
const [SHORTEST, LONGEST] = [24, 64];

/** Posts the news to a webhook, signed after Standard Webhooks where the route has a secret. */
export async function deliverWebhook(
  { webhook }: WebhookRoute,
  news: News,
  context: CallContext,
  clock: Clock,
): Promise<Outcome> {
  const { url, secret } = typeof webhook === "string" ? { url: webhook } : webhook;
  const body = JSON.stringify({ type: `clawproof.${news.kind}`, timestamp: news.at, data: news });
  const sentAt = new Date(clock.now());
  const headers: Record<string, string> = {
    "webhook-id": news.id,
    "webhook-timestamp": String(Math.floor(sentAt.getTime() / 1_000)),
  };
  if (secret !== undefined) {
    const key = await filled(secret, context);
    if (typeof key !== "string") return key;
    if (!isSecret(key)) return failed(BAD_SECRET);
    const { Webhook } = await import("standardwebhooks");
    headers["webhook-signature"] = new Webhook(key).sign(news.id, sentAt, body);
  }
  const answer = await post({ url, headers, body }, context);
  if ("outcome" in answer) return answer;
  return answer.status >= 200 && answer.status < 300 ? delivered(answer.status) : refusedBy(answer, clock.now());
}

const BAD_SECRET = `the webhook's secret is not one of Standard Webhooks: whsec_ and ${SHORTEST} to ${LONGEST} random bytes in base64; \`echo whsec_$(openssl rand -base64 32)\` makes one`;

function isSecret(text: string): boolean {
  const [, encoded] = FORM.exec(text) ?? [];
  if (encoded === undefined || encoded.length % 4 !== 0) return false;
  const { length } = Buffer.from(encoded, "base64");
  return length >= SHORTEST && length <= LONGEST;
}
