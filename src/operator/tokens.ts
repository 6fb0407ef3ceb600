import { askJson } from "./own.ts";
import type { Role } from "./roles.ts";
import type { OwnTarget } from "./target.ts";

/** The tokens of a switch of ours. */

/** A token without itself. Times are ISO 8601. */
export interface TokenRow {
  id: string | number;
  name: string;
  roles: Role[];
  agent: string | null;
  createdAt: string;
  createdBy: string;
  expiresAt: string | null;
  revokedAt: string | null;
}

export interface NewToken {
  name: string;
  roles: Role[];
  agent?: string;
  expiresInSeconds?: number;
}

/** The answer that holds a token, once. */
export interface AddedToken {
  token: string;
  id: string | number;
  name: string;
  roles: Role[];
  agent: string | null;
  expiresAt: string | null;
}

/** Throws SwitchProblem. */
export async function addToken(target: OwnTarget, token: NewToken): Promise<AddedToken> {
  return (await askJson<AddedToken>(target, { method: "POST", path: "/v1/tokens", json: token }, "token")).body;
}

/** Throws SwitchProblem. */
export async function listTokens(target: OwnTarget): Promise<TokenRow[]> {
  return (await askJson<{ tokens: TokenRow[] }>(target, { path: "/v1/tokens" }, "tokens")).body.tokens;
}

/** Throws SwitchProblem. */
export async function revokeToken(target: OwnTarget, name: string): Promise<void> {
  const path = `/v1/tokens/${encodeURIComponent(name)}`;
  await askJson<{ revoked: string }>(target, { method: "DELETE", path }, "revoked");
}
