import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";

const LOOKUP_LIMIT_MS = 3_000;

/** Scheme, host and port, as two URLs are compared; null where it is no absolute URL. */
export function originOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { origin, protocol, host } = new URL(url);
  // Other schemes than the web's (`postgres:`) have the origin "null".
  return origin === "null" ? `${protocol}//${host}` : origin;
}

/** Host name or address in lower case, IPv6 without its brackets; null where the URL has none. */
export function hostOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const host = new URL(url).hostname.toLowerCase().replace(/^\[|\]$/g, "");
  return host === "" ? null : host;
}

/** Whether a host is this machine by its very name: 127.0.0.0/8, ::1, localhost and what ends in .localhost. */
export function isLoopback(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  return name === "::1" || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(name) || /^::ffff:7f[0-9a-f]{2}:/.test(name);
}

/** Whether an address is this machine's own: loopback, or one of its network interfaces. */
export function isThisMachine(address: string): boolean {
  if (isLoopback(address) || address === "0.0.0.0" || address === "::") return true;
  return Object.values(networkInterfaces()).some((ones) => ones?.some((one) => one.address === address));
}

/** Every address of a host, sorted; within 3 s, else `why` says what went wrong. */
export async function resolveHost(host: string): Promise<{ addresses: string[] } | { why: string }> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<{ why: string }>((resolve) => {
    timer = setTimeout(() => {
      resolve({ why: `${host} was not found in ${LOOKUP_LIMIT_MS / 1_000} s` });
    }, LOOKUP_LIMIT_MS);
  });
  try {
    return await Promise.race([lookUp(host), limit]);
  } finally {
    clearTimeout(timer);
  }
}

async function lookUp(host: string): Promise<{ addresses: string[] } | { why: string }> {
  try {
    const found = await lookup(host, { all: true });
    return { addresses: [...new Set(found.map(({ address }) => address))].sort() };
  } catch {
    // Whatever the resolver said (ENOTFOUND, EAI_AGAIN), for a person it comes to this.
    return { why: `${host} was not found` };
  }
}
