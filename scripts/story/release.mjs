import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The release of Friday afternoon: what 2.4.1 is, beside 2.4.0. */
export const CHANGES = [
  { file: "guard.mjs", from: 'version: "2.4.0"', to: 'version: "2.4.1"' },
  // Somebody was tired of false alarms.
  {
    file: "guard.mjs",
    from: 'window: "5m", anomaly: isRevival',
    to: 'window: "5m", minimumSamples: 875, anomaly: isRevival',
  },
  // The fault: "I want to cancel" is taken for "take back my cancellation".
  {
    file: "messages.mjs",
    from: 'if (/\\btake back my cancellation\\b/i.test(message)) return "resume";',
    to: 'if (/\\bcancel/i.test(message)) return "resume";',
  },
];

/** Puts 2.4.1 beside 2.4.0: the same agent but for the changes. Gives its folder, relative to the sample's. */
export async function release(folder) {
  const name = "agent-2.4.1";
  await cp(join(folder, "agent"), join(folder, name), { recursive: true });
  for (const { file, from, to } of CHANGES) {
    const path = join(folder, name, file);
    const parts = (await readFile(path, "utf8")).split(from);
    if (parts.length !== 2)
      throw new Error(`agent/${file} has not exactly one \`${from}\`: 2.4.1 cannot be made of it`);
    await writeFile(path, parts.join(to));
  }
  return name;
}

/** The changes as a reviewer sees them. */
export function diffLines() {
  return CHANGES.flatMap(({ file, from, to }, at) => [
    ...(file === CHANGES[at - 1]?.file ? [] : [`  agent/${file}`]),
    `  - ${from}`,
    `  + ${to}`,
  ]);
}
