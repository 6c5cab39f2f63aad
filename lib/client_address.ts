import { type AddressRange, isWithin, parseAddress } from "./address.ts";

/** Whom to believe about a client's address. */
export interface AddressTrust {
  /** Who may speak for a client. */
  readonly proxies: readonly AddressRange[];
  /** Where they say it; every other such header is hearsay. */
  readonly header: string;
}

/**
 * The address that a request came from. The header is read from the right, as long as whoever
 * added to it is trusted: what stands further left was written by somebody else, and may be forged.
 * @param peer the address at the other end of the connection
 */
export function clientAddress(peer: string, headers: Headers, trust: AddressTrust): string {
  if (trust.proxies.length === 0) return peer;
  const hops = hopsOf(headers.get(trust.header) ?? "", trust.header);
  let address = peer;
  while (isTrusted(address, trust.proxies)) {
    const hop = hops.pop();
    if (hop === undefined || !parseAddress(hop)) break;
    address = hop;
  }
  return address;
}

function isTrusted(address: string, proxies: readonly AddressRange[]): boolean {
  const bytes = parseAddress(address);
  return bytes !== undefined && isWithin(bytes, proxies);
}

/** The addresses that a header names, the nearest last. */
function hopsOf(value: string, header: string): string[] {
  const hops = value.split(",").map((hop) => hop.trim()).filter((hop) => hop !== "");
  if (header !== "forwarded") return hops.map(withoutPort);
  // RFC 7239 section 4: for=192.0.2.1, for="[2001:db8::1]:4711".
  return hops.map((hop) => {
    const named = /(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^;"\s]*))/i.exec(hop);
    return withoutPort(named?.[1] ?? named?.[2] ?? "");
  });
}

/** `192.0.2.1:80` and `[2001:db8::1]:80` without what is not address. */
function withoutPort(hop: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ??
    hop.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}
