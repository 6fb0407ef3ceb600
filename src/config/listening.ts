/** Addresses as people write them for `listen` and `behindProxy`. */

export interface ListenAddress {
  /** Name or address; IPv6 without its brackets. */
  host: string;
  /** 0 picks a free one. */
  port: number;
}

export const LISTEN_FORMS =
  "HOST:PORT such as 127.0.0.1:4600, [::1]:4600 or :4600 (this machine alone); port 0 picks one";
export const PROXY_FORMS = "an address or a range of them, such as 10.0.0.7, 10.0.0.0/8 or fd00::/8";

const LISTEN = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]*):(\d{1,5})$/;
const NO_HOST = "127.0.0.1";
const HIGHEST_PORT = 65_535;

/** Where to listen; null where the text says no such thing. Without a host it is this machine alone. */
export function parseListen(text: string): ListenAddress | null {
  const [, host, port] = LISTEN.exec(text) ?? [];
  if (host === undefined || port === undefined || Number(port) > HIGHEST_PORT) return null;
  if (host.startsWith("[") && !isIpv6(host.slice(1, -1))) return null;
  return { host: host.replace(/^\[|\]$/g, "") || NO_HOST, port: Number(port) };
}

/** Whether the text is an IP address, or a range of them (CIDR). */
export function isAddressRange(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  if (more !== undefined) return false;
  const most = isIpv4(address) ? 32 : isIpv6(address) ? 128 : null;
  return most !== null && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  return text.includes(":") && URL.canParse(`http://[${text}]/`);
}
