import { type AddressRange, isWithin, parseAddress } from "./address.ts";

/** Whom to believe about a client's address. */
export interface AddressTrust {
  /** Who may speak for a client. */
  readonly proxies: readonly AddressRange[];
  /** Where they say it; every other such header is hearsay. */
  readonly header: string;
}

/** What a trusted proxy says of the request that it received. */
export interface Hop {
  /** Whom it received the request from; empty when it does not say, else not yet known to be an address. */
  readonly address: string;
  /** Which scheme and host were asked, as `Forwarded` tells them; absent when it does not. */
  readonly proto?: string;
  readonly host?: string;
}

/** Whom a request came through, as far as whoever says so is trusted. */
export interface ClientChain {
  /** The client's address, then each trusted proxy's; the peer's is the last. */
  readonly addresses: readonly string[];
  /** What the proxy nearest to the client says; undefined when no trusted proxy says anything. */
  readonly first: Hop | undefined;
}

/** The address that a request came from: the first of its {@linkcode clientChain}. */
export function clientAddress(peer: string, headers: Headers, trust: AddressTrust): string {
  if (trust.proxies.length === 0) return peer;
  return clientChain(peer, headers, trust).addresses[0] ?? peer;
}

/**
 * Whom a request came through. The header is read from the right, as long as whoever added to it is
 * trusted: what stands further left was written by somebody else, and may be forged.
 * @param peer the address at the other end of the connection
 */
export function clientChain(peer: string, headers: Headers, trust: AddressTrust): ClientChain {
  const addresses = [peer];
  let first: Hop | undefined;
  if (!isTrusted(peer, trust)) return { addresses, first };
  const hops = hopsOf(headers.get(trust.header) ?? "", trust.header);
  for (const hop of hops.toReversed()) {
    first = hop;
    if (!parseAddress(hop.address)) break;
    addresses.unshift(hop.address);
    if (!isTrusted(hop.address, trust)) break;
  }
  return { addresses, first };
}

/** Whether a peer may speak for clients. */
export function isTrusted(address: string, { proxies }: AddressTrust): boolean {
  if (proxies.length === 0) return false;
  const bytes = parseAddress(address);
  return bytes !== undefined && isWithin(bytes, proxies);
}

/** What each proxy says in a header, the nearest last. */
function hopsOf(value: string, header: string): Hop[] {
  if (header === "forwarded") return splitUnquoted(value, ",").map(hopOf);
  return value.split(",").map((hop) => hop.trim()).filter((hop) => hop !== "")
    .map((hop) => ({ address: withoutPort(hop) }));
}

/** RFC 7239 section 4: `for=192.0.2.1;host=…`, `for="[2001:db8::1]:4711"`. */
function hopOf(element: string): Hop {
  const { for: address = "", proto, host } = pairsOf(element);
  return {
    address: withoutPort(address),
    ...(proto === undefined ? {} : { proto }),
    ...(host === undefined ? {} : { host }),
  };
}

function pairsOf(element: string): Readonly<Partial<Record<string, string>>> {
  const pairs: Record<string, string> = Object.create(null);
  for (const pair of splitUnquoted(element, ";")) {
    const [, name = "", quoted, token = ""] =
      /^\s*([^\s=]+)=(?:"((?:\\.|[^"\\])*)"|([^"\s]*))\s*$/.exec(pair) ?? [];
    // Each parameter must stand once in an element; of several the first counts.
    pairs[name.toLowerCase()] ??= quoted?.replaceAll(/\\(.)/g, "$1") ?? token;
  }
  return pairs;
}

/** Splits at a separator, save where it stands in quotes: what a client wrote may be quoted there. */
function splitUnquoted(text: string, separator: string): string[] {
  const parts = [""];
  let isQuoted = false;
  for (const [character] of text.matchAll(/\\[\s\S]|[\s\S]/g)) {
    if (character === '"') isQuoted = !isQuoted;
    if (character === separator && !isQuoted) parts.push("");
    else parts.push((parts.pop() ?? "") + character);
  }
  return parts;
}

/** `192.0.2.1:80` and `[2001:db8::1]:80` without what is not address. */
function withoutPort(hop: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ??
    hop.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}
