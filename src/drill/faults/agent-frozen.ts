import {
  agentAnswer,
  answerWords,
  broke,
  type Finding,
  giveOrder,
  heldUp,
  mustObey,
  say,
  type Trial,
  unproven,
} from "./trial.ts";

/** The agent hangs: the switch must take an order all the same, and the agent must obey it as soon as it moves again. */
export async function agentFrozen(trial: Trial): Promise<Finding> {
  const { target, figures, gathering } = trial;
  say(trial, "freezing the agent");
  await target.freeze();
  const answer = await agentAnswer(trial, figures.silence);
  if (answer !== null) {
    return unproven(
      `the agent still answered (${answerWords(answer)}) after it was frozen: what was frozen is not all of it`,
    );
  }
  const taken = await giveOrder(trial);
  say(trial, "thawing the agent");
  await target.thaw();
  const thawedAt = gathering.clock.monotonic();
  if ("why" in taken) return broke(`while the agent was frozen, ${taken.why}`, {}, false);
  const { ms } = taken;
  return (await mustObey(trial, thawedAt, ms)) ?? heldUp(ms, true);
}
