import type { Role } from "../protocol/roles.ts";

/** Who asks: by a token, from an address. */
export interface Caller {
  tokenId: string;
  name: string;
  roles: readonly Role[];
  /** The one agent that an agent's token is bound to. */
  agent: string | null;
  /** Address of the client, as far as proxies that are trusted tell. */
  from: string;
}

/** A request that is not done; `message` is for whoever asked, and holds no secret. */
export class Refused extends Error {
  override name = "Refused";
  readonly status: RefusedStatus;
  /** What it was about, where that is known. */
  readonly scope: string | undefined;
  constructor(status: RefusedStatus, message: string, scope?: string) {
    super(message);
    this.status = status;
    this.scope = scope;
  }
}

export type RefusedStatus = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429 | 507;

export function hasRole({ roles }: Pick<Caller, "roles">, role: Role): boolean {
  return roles.includes(role) || (role === "read" && roles.some((one) => one !== "agent"));
}

/** Throws Refused (403), which is logged, where the caller lacks the role. */
export function mustHave(caller: Caller, role: Role, doing: string, scope?: string): void {
  if (hasRole(caller, role)) return;
  throw new Refused(403, `${doing} needs the role ${role}, which ${caller.name} does not have`, scope);
}
