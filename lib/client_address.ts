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
  if (header === "forwarded") return splitUnquoted(value, ",").map(forOf).map(withoutPort);
  return value.split(",").map((hop) => hop.trim()).filter((hop) => hop !== "").map(withoutPort);
}

/** RFC 7239 section 4: `for=192.0.2.1;host=…`, `for="[2001:db8::1]:4711"`; empty when it names none. */
function forOf(element: string): string {
  for (const pair of splitUnquoted(element, ";")) {
    const [, name = "", quoted, token = ""] =
      /^\s*([^\s=]+)=(?:"((?:\\.|[^"\\])*)"|([^"\s]*))\s*$/.exec(pair) ?? [];
    if (name.toLowerCase() === "for") return quoted?.replaceAll(/\\(.)/g, "$1") ?? token;
  }
  return "";
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
