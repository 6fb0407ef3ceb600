import type { Located } from "./located.ts";
import type { ConfigPath } from "./project.ts";

/**
 * Where consent is given (contract, 3.2): it holds for the block that contains it and is never inherited, so these
 * are taken out of the top level before an environment is laid over it.
 */
export const CONSENTS: readonly ConfigPath[] = [
  ["killSwitch", "rehearse"],
  ["breaker", "rehearse"],
  ["rollback", "script", "rehearse"],
  ["agent", "probes", "writes"],
  ["drills", "faults"],
];

/** `root` without what stands at `path`. */
export function without(root: Located, path: ConfigPath): Located {
  const [step, ...rest] = path;
  if (root.content.kind !== "map" || step === undefined) return root;
  const child = root.content.entries.get(String(step));
  if (!child) return root;
  const entries = new Map(root.content.entries);
  if (rest.length === 0) entries.delete(String(step));
  else entries.set(String(step), without(child, rest));
  return { ...root, content: { kind: "map", entries } };
}

/** Lays `over` on `base`: maps merge, lists and scalars replace, `null` removes. */
export function overlay(base: Located, over: Located): Located {
  if (base.content.kind !== "map" || over.content.kind !== "map") return over;
  const entries = new Map(base.content.entries);
  for (const [key, value] of over.content.entries) {
    const below = entries.get(key);
    if (value.content.kind === "scalar" && value.content.value === null) entries.delete(key);
    else entries.set(key, below ? overlay(below, value) : value);
  }
  return { ...base, content: { kind: "map", entries } };
}

/** Marks everything below `node` as written in the block of `environment`. */
export function inBlock(node: Located, environment: string): Located {
  const { content } = node;
  if (content.kind === "scalar") return { ...node, block: environment };
  if (content.kind === "list") {
    const items = content.items.map((item) => inBlock(item, environment));
    return { ...node, block: environment, content: { kind: "list", items } };
  }
  const entries = new Map([...content.entries].map(([key, value]) => [key, inBlock(value, environment)]));
  return { ...node, block: environment, content: { kind: "map", entries } };
}

/** Whether an environment asks for `--act-on` (contract, 3.2): said so, or its name does and nothing denies it. */
export function isProtected(name: string, said: boolean | undefined): boolean {
  return said ?? /^(prod|live)/i.test(name);
}
