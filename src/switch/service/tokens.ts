import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../values/clock.ts";
import type { TokenInfo, TokenRequest } from "../protocol/messages.ts";
import { type Role, ROLES } from "../protocol/roles.ts";
import { parseScope } from "../protocol/scope.ts";
import { SERVICE } from "./entry.ts";
import { Refused, type Caller } from "./caller.ts";
import type { Store } from "./store.ts";

interface Row {
  id: string;
  name: string;
  hash: string;
  roles: string;
  agent: string | null;
  created_at: string;
  created_by: string;
  expires_at: string | null;
  revoked_at: string | null;
}

interface Known extends TokenInfo {
  hash: Buffer;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/;
const FORM = /^cp_([A-Za-z0-9_-]{12})_([A-Za-z0-9_-]{43})$/;

/** The tokens of a service: `cp_ID_SECRET`, the secret 256 random bits, so that a fast hash of it gives nothing away. */
export class Tokens {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  readonly #ended: ((tokenId: string) => void)[] = [];

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    const rows = store.database.prepare("SELECT * FROM tokens").all() as Row[];
    for (const row of rows) this.#known.set(row.id, knownOf(row));
  }

  /** Whether there never was a token. */
  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  /** Whose token this is; null for one that is unknown, revoked or over. Takes as long whichever of these it is. */
  verify(token: string): TokenInfo | null {
    const [, id = "", secret = ""] = FORM.exec(token) ?? [];
    const known = this.#known.get(id);
    const same = timingSafeEqual(hashOf(secret), known?.hash ?? NOBODY);
    return same && known !== undefined && this.isValid(known.id) ? known : null;
  }

  /** The token of that id, as long as it holds. */
  find(id: string): TokenInfo | null {
    return this.isValid(id) ? (this.#known.get(id) ?? null) : null;
  }

  isValid(id: string): boolean {
    const known = this.#known.get(id);
    if (known === undefined || known.revokedAt !== null) return false;
    return known.expiresAt === null || Date.parse(known.expiresAt) > this.#clock.now();
  }

  list(): TokenInfo[] {
    return [...this.#known.values()].map(({ hash: _, ...info }) => info);
  }

  /** Calls back with the id of a token that is revoked, at once. */
  onRevoked(listener: (tokenId: string) => void): void {
    this.#ended.push(listener);
  }

  /** Makes a token and says it, this once. Throws Refused (400, 409) and NotDurable. */
  add({ name, roles, agent, expiresInSeconds }: TokenRequest, by: Pick<Caller, "name" | "from"> | null) {
    if (!NAME.test(name)) throw new Refused(400, "a token's name is made of letters, digits and . _ @ + -, at most 64");
    if (name === SERVICE) throw new Refused(400, `${SERVICE} is what the service calls itself: choose another name`);
    if (roles.length === 0) throw new Refused(400, `a token needs a role: ${ROLES.join(", ")}`);
    if (roles.includes("agent") && (roles.length > 1 || agent === undefined)) {
      throw new Refused(400, "an agent's token has that role alone, and names its agent");
    }
    if (agent !== undefined && !roles.includes("agent")) throw new Refused(400, "only an agent's token names an agent");
    if (agent !== undefined && parseScope(agent)?.agent !== agent) {
      throw new Refused(400, `${JSON.stringify(agent)} is no name of an agent`);
    }
    if (this.#named(name) !== undefined) {
      throw new Refused(409, `a token named ${name} is in use: revoke it first, or choose another name`);
    }
    const now = this.#clock.now();
    const [id, secret] = [randomBytes(9).toString("base64url"), randomBytes(32).toString("base64url")];
    const expiresAt = expiresInSeconds === undefined ? null : new Date(now + expiresInSeconds * 1_000).toISOString();
    const at = new Date(now).toISOString();
    const known: Known = {
      id,
      name,
      roles: [...new Set(roles)],
      agent: agent ?? null,
      createdAt: at,
      createdBy: by?.name ?? SERVICE,
      expiresAt,
      revokedAt: null,
      hash: hashOf(secret),
    };
    const entry = {
      kind: "token-added" as const,
      at,
      by: known.createdBy,
      from: by?.from ?? null,
      token: { id, name, roles: known.roles, agent: known.agent, expiresAt },
    };
    const columns = "id, name, hash, roles, agent, created_at, created_by, expires_at";
    this.#store.append([
      {
        entry,
        beside: (database) =>
          database
            .prepare(`INSERT INTO tokens (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
            .run(
              id,
              name,
              known.hash.toString("hex"),
              JSON.stringify(known.roles),
              known.agent,
              at,
              known.createdBy,
              expiresAt,
            ),
      },
    ]);
    this.#known.set(id, known);
    const { hash: _, ...info } = known;
    return { ...info, token: `cp_${id}_${secret}` };
  }

  /** Ends a token at once, streams included. Throws Refused (404; 409 for the last admin) and NotDurable. */
  revoke(name: string, by: Pick<Caller, "name" | "from">): TokenInfo {
    const known = this.#named(name);
    if (known === undefined) throw new Refused(404, `no token is named ${name}`);
    const admins = [...this.#known.values()].filter(
      (one) => one.roles.includes("admin") && this.isValid(one.id) && one.expiresAt === null,
    );
    if (known.roles.includes("admin") && !admins.some((one) => one.id !== known.id)) {
      throw new Refused(409, `${name} is the last admin (one that never expires must remain): add another admin first`);
    }
    const at = new Date(this.#clock.now()).toISOString();
    const entry = { kind: "token-revoked" as const, at, by: by.name, from: by.from, token: { id: known.id, name } };
    this.#store.append([
      {
        entry,
        beside: (database) => database.prepare("UPDATE tokens SET revoked_at = ? WHERE id = ?").run(at, known.id),
      },
    ]);
    known.revokedAt = at;
    for (const listener of this.#ended) listener(known.id);
    return known;
  }

  #named(name: string): Known | undefined {
    return [...this.#known.values()].find((known) => known.name === name && known.revokedAt === null);
  }
}

const NOBODY = Buffer.alloc(32);

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret, "utf8").digest();
}

function knownOf(row: Row): Known {
  return {
    id: row.id,
    name: row.name,
    roles: JSON.parse(row.roles) as Role[],
    agent: row.agent,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    hash: Buffer.from(row.hash, "hex"),
  };
}
