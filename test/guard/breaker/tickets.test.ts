import { expect, it } from "vitest";
import { REFUSED, Tickets, UNCOUNTED } from "../../../src/guard/breaker/tickets.ts";

it("each ticket is settled once, in the era it was taken in, however many are out", () => {
  const tickets = new Tickets();
  const out = Array.from({ length: 3_000 }, (_, index) => tickets.take(index));
  expect(new Set(out).size).toBe(3_000);
  expect(out.map((ticket) => tickets.settle(ticket))).toEqual(out.map((_, index) => index));
  expect(new Set(out.map((ticket) => tickets.settle(ticket)))).toEqual(new Set([-1]));
  expect([REFUSED, UNCOUNTED].map((ticket) => tickets.settle(ticket))).toEqual([-1, -1]);
});

it("beyond 65,536 that never end, outcomes still count", () => {
  const tickets = new Tickets();
  for (let call = 0; call < 65_536; call += 1) tickets.take(1);
  const more = tickets.take(7);
  expect([more < UNCOUNTED, tickets.settle(more)]).toEqual([true, 7]);
});
