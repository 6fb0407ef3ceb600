import type { CallContext } from "../doors/door.ts";
import type { Clock } from "../values/clock.ts";
import { cut, headline, oneLine, type News } from "./news.ts";
import { delivered, refusedBy, type Outcome } from "./outcome.ts";
import { post } from "./post.ts";
import type { SlackRoute } from "./route.ts";

/** Far below Slack's limit; the switch's page has the rest. */
const LONGEST_REASON = 1_000;

const ADVICE = {
  400: "Slack does not take the message; check that the address is that of an incoming webhook",
  403: "Slack does not allow this webhook to post; ask an administrator of the workspace, or make a new webhook",
  404: "Slack knows no such webhook; make a new one and name its address",
  410: "Slack has archived the channel; make a webhook for another one",
  429: "too many messages for Slack just now",
};

/** Posts the news to a channel through its incoming webhook. */
export async function deliverSlack(
  { slack }: SlackRoute,
  news: News,
  context: CallContext,
  clock: Clock,
): Promise<Outcome> {
  const body = JSON.stringify({ text: slackText(news), unfurl_links: false, unfurl_media: false });
  const answer = await post({ url: slack, body }, context);
  if ("outcome" in answer) return answer;
  if (answer.status !== 200) return refusedBy(answer, clock.now(), ADVICE);
  if (answer.text.trim() === "ok") return delivered(200);
  return {
    outcome: "failed",
    status: 200,
    why: "answered 200 without Slack's `ok`: whether it was posted is not known; check that the address is Slack's",
    final: true,
  };
}

/** What, who, why and where to see more. */
export function slackText(news: News): string {
  const { by, reason, switchName, epoch, link } = news;
  const order = epoch === null ? "" : `, order ${epoch}`;
  return [
    `*${escaped(headline(news))}*`,
    `by ${escaped(oneLine(by))}: ${escaped(cut(oneLine(reason), LONGEST_REASON))}`,
    `switch ${escaped(oneLine(switchName))}${order}, ${escaped(news.at)}`,
    ...(link === null ? [] : [`<${escaped(link).replaceAll("|", "%7C")}|Open the switch>`]),
  ].join("\n");
}

/** The three signs that mean something to Slack: unescaped, a reason could call a whole channel (`<!channel>`). */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
