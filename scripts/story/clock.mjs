/** Shows how long the stop took, measured from the orders in the switch's log by the ledger, the answers, and the switch. */
export async function showStop(scene, terminal, { scope, killSaid }) {
  const { customers, traffic } = scene;
  const orders = await scene.log();
  const trip = Date.parse(orders.find(({ kind }) => kind === "trip").at);
  const kill = Date.parse(orders.find((entry) => entry.kind === "kill" && entry.scope === scope).at);
  const lastOfAll = Math.max(customers.lastWrite("2.4.0").ended, customers.lastWrite("2.4.1").ended);
  const lastOfBad = customers.lastWrite("2.4.1");
  const [, obeyed] = /^(1 of 1 instance stopped after .*)$/m.exec(killSaid) ?? [];
  const lines = [
    ["the breaker's order: nobody writes", ""],
    ["  last write of any version", relative(lastOfAll - trip)],
    ["Kim's order: 2.4.1 does nothing at all", `${relative(kill - trip)} the breaker's`],
    ["  last write of 2.4.1", `${relative(lastOfBad.ended - kill)}: the breaker held the rest`],
    ["  last answer of 2.4.1", relative(traffic.canary.lastAnswerAt - kill)],
    ["  seen to obey", obeyed ?? "nobody"],
  ];
  terminal.say("the clock:", ...lines.map(([what, when]) => `  ${what.padEnd(40)}${when}`.trimEnd()));
  terminal.check("every instance was seen to obey", obeyed !== undefined, killSaid);
  terminal.check("writes stopped within 30 s", lastOfAll - trip < 30_000);
  terminal.check("2.4.1 wrote nothing after Kim's order", lastOfBad.began < kill);
  terminal.check("2.4.1 answered nothing 30 s after it", traffic.canary.lastAnswerAt - kill < 30_000);
}

const relative = (ms) => `${(Math.abs(ms) / 1000).toFixed(2)} s ${ms < 0 ? "before" : "after"}`;
