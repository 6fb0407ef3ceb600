import type { Location } from "../audit/fact.ts";
import type { Plan } from "../audit/plan.ts";
import type { Secrets } from "../config/secrets.ts";

interface Row {
  location: Location;
  text: string;
  details?: string[];
}

/** Of the secrets that a plan refers to, those that could not be looked up. */
export async function missingSecrets(plan: Plan, secrets: Secrets): Promise<Plan["secrets"]> {
  const known = await Promise.all(plan.secrets.map(({ name }) => secrets.has(name)));
  return plan.secrets.filter((_, index) => !known[index]);
}

/** What `--dry-run` prints: what would be read, acted on and left alone, and the secrets that are missing. */
export function renderPlan(plan: Plan, missing: Plan["secrets"]): string {
  const sections: [string, Row[]][] = [
    ["would read", plan.reads],
    ["would act on", plan.acts],
    ["would not", plan.nots],
    ["missing secrets", missing.map(({ name, location }) => ({ text: name, location }))],
  ];
  const places = sections.flatMap(([, rows]) => rows.map(place));
  const width = Math.max(0, ...places.map(({ length }) => length));
  return `${sections.map(([title, rows]) => section(title, rows, width)).join("\n\n")}\n`;
}

function section(title: string, rows: readonly Row[], width: number): string {
  if (rows.length === 0) return `${title}: nothing`;
  const indent = " ".repeat(width + 4);
  const lines = rows.flatMap((row) => [
    `  ${place(row).padEnd(width)}  ${row.text}`,
    ...(row.details ?? []).map((detail) => `${indent}  ${detail}`),
  ]);
  return [`${title}:`, ...lines].join("\n");
}

function place({ location }: Row): string {
  return `${location.file}:${location.line}`;
}
