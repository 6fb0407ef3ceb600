/** What a token may do: every role but `agent` includes `read`. */
export const ROLES = ["admin", "kill", "release", "agent", "read"] as const;
export type Role = (typeof ROLES)[number];
