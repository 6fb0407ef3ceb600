/** What a token may do. Every role but `agent` includes `read`. */
export const ROLES = ["admin", "kill", "release", "agent", "read"] as const;
export type Role = (typeof ROLES)[number];
