import { type AddressRange, isWithin, parseAddress } from "./address.ts";

/** Which proxies are trusted to report a client's address, and in which header. */
export interface AddressTrust {
  /** The trusted proxies. */
  readonly proxies: readonly AddressRange[];
  /** The header that they use; all others are ignored. */
  readonly header: string;
}

/** What a trusted proxy reports about the request that it received. */
export interface Hop {
  /** The peer that it received the request from, unvalidated; empty if it does not say. */
  readonly address: string;
  /** The requested scheme and host, as in `Forwarded`; absent if not given. */
  readonly proto?: string;
  readonly host?: string;
}

/** The chain of peers that a request passed, as far as it is trusted. */
export interface ClientChain {
  /** The client's address, then each trusted proxy's; the peer's is the last. */
  readonly addresses: readonly string[];
  /** What the trusted proxy nearest to the client reports; undefined if none does. */
  readonly first: Hop | undefined;
}

/** Returns the client's address: the first of {@linkcode clientChain}. */
export function clientAddress(peer: string, headers: Headers, trust: AddressTrust): string {
  if (trust.proxies.length === 0) return peer;
  return clientChain(peer, headers, trust).addresses[0] ?? peer;
}

/**
 * Returns the chain of peers of a request. The header is read from the right, as long as the peer
 * that added an entry is trusted: entries further left may be forged.
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

/** Whether a peer is a trusted proxy. */
export function isTrusted(address: string, { proxies }: AddressTrust): boolean {
  if (proxies.length === 0) return false;
  const bytes = parseAddress(address);
  return bytes !== undefined && isWithin(bytes, proxies);
}

/** Parses what each proxy reports in a header, the nearest last. */
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
    // A parameter must occur once per element; of several, the first counts.
    pairs[name.toLowerCase()] ??= quoted?.replaceAll(/\\(.)/g, "$1") ?? token;
  }
  return pairs;
}

/** Splits at a separator outside of quotes: quoted text may come from the client. */
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

/** Strips the port and brackets of `192.0.2.1:80` and `[2001:db8::1]:80`. */
function withoutPort(hop: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ??
    hop.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}
