import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { News } from "../../src/alerts/news.ts";
import { serve } from "../doors/servers.ts";

/** What a receiver of alerts got. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver on a free port that keeps what it got, and answers as told, one answer after the other, the last for ever. */
export async function receiver(
  ...answers: ((response: ServerResponse, received: Received) => unknown)[]
): Promise<{ url: string; host: string; received: Received[]; after: (count: number) => Promise<void> }> {
  const received: Received[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const { url } = await serve(async (request, response) => {
    const { method = "", url: path = "", headers } = request;
    const got = { method, path, headers, body: await text(request) };
    received.push(got);
    for (const { count, resolve } of waiting) if (received.length >= count) resolve();
    const answer = answers[Math.min(received.length, answers.length) - 1];
    if (answer === undefined) response.end("ok");
    else await answer(response, got);
  });
  return {
    url,
    host: url.slice("http://".length),
    received,
    after: (count) =>
      received.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.push({ count, resolve });
          }),
  };
}

/** An answer with a status, some headers and a text. */
export function answering(status: number, body = "", headers: Record<string, string> = {}) {
  return (response: ServerResponse): unknown => response.writeHead(status, headers).end(body);
}

export function newsOf(overrides: Partial<News> = {}): News {
  return {
    id: "msg_1",
    kind: "kill",
    drill: false,
    switchName: "production",
    series: "series-1",
    epoch: 7,
    scope: "support-agent",
    mode: "stopped",
    by: "maria",
    reason: "it refunds everyone",
    at: "2026-11-22T10:00:00.000Z",
    link: "https://switch.example.com/?scope=support-agent",
    ...overrides,
  };
}
