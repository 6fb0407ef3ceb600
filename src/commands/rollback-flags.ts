import type { Filter } from "../ledger/ledger.ts";
import { parseScope, SCOPE_FORMS } from "../switch/protocol/scope.ts";
import { parseMoment, windowWords } from "../values/moment.ts";
import { numberOf } from "./switch-flags.ts";
import { UsageError } from "./usage-error.ts";

/** What `rollback` and `ledger` have in common: which actions are meant. */
export interface SelectFlags {
  trace?: string[];
  since?: string;
  until?: string;
  type?: string[];
  target?: string[];
  subject?: string[];
  limit?: string;
  config?: string;
  env?: string;
  format: string;
}

/** Which actions are meant, in words of the ledger. */
export interface Selection {
  filter: Filter;
  limit: number | undefined;
}

/** The actions that scope and options name. Throws UsageError. */
export function selectionOf(scope: string | undefined, flags: SelectFlags, now: number): Selection {
  const since = momentOf("--since", flags.since, now);
  const until = momentOf("--until", flags.until, now);
  if (since !== undefined && until !== undefined && until <= since) {
    throw new UsageError(`the window ends before it begins: ${windowWords({ since, until }).join(", ")}`);
  }
  const ofScope = scopeFilter(scope);
  if (ofScope.types && flags.type) throw new UsageError("the scope names a type already: leave --type out");
  return {
    filter: {
      ...ofScope,
      traces: flags.trace,
      since,
      until,
      types: flags.type ?? ofScope.types,
      targets: flags.target,
      subjects: flags.subject,
    },
    limit: numberOf("--limit", flags.limit, 1),
  };
}

function momentOf(option: string, text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const moment = parseMoment(text, now);
  if (moment !== null) return moment;
  throw new UsageError(`${option} takes a duration ago (3h), a clock time (03:00) or ISO 8601, not "${text}"`);
}

function scopeFilter(text: string | undefined): Filter {
  if (text === undefined) return {};
  const scope = parseScope(text === "all" ? "*" : text === "drill/all" ? "drill/*" : text);
  if (scope === null) throw new UsageError(`"${text}" is no scope: ${SCOPE_FORMS}; all means *`);
  return {
    agent: scope.agent ?? undefined,
    version: scope.version ?? undefined,
    ...(scope.type === null ? {} : { types: [scope.type] }),
    ...(scope.drill ? { drill: true } : {}),
  };
}
