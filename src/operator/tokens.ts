import type { TokenAnswer, TokenInfo, TokenRequest } from "../switch/protocol/messages.ts";
import { askJson } from "./own.ts";
import type { OwnTarget } from "./target.ts";

/** The tokens of a switch of ours. */

/** Throws SwitchProblem. */
export async function addToken(target: OwnTarget, token: TokenRequest): Promise<TokenAnswer> {
  return (await askJson<TokenAnswer>(target, { method: "POST", path: "/v1/tokens", json: token }, "token")).body;
}

/** Throws SwitchProblem. */
export async function listTokens(target: OwnTarget): Promise<TokenInfo[]> {
  return (await askJson<{ tokens: TokenInfo[] }>(target, { path: "/v1/tokens" }, "tokens")).body.tokens;
}

/** Throws SwitchProblem. */
export async function revokeToken(target: OwnTarget, name: string): Promise<void> {
  const path = `/v1/tokens/${encodeURIComponent(name)}`;
  await askJson<{ revoked: string }>(target, { method: "DELETE", path }, "revoked");
}
