import type { FieldList } from "../core/field_list.ts";
import { type AddressTrust, clientChain, isTrusted } from "./client_address.ts";
import { hasDotSegment } from "./path.ts";
import { isAuthority } from "./authority.ts";

/** How a client's request reached the gateway, as reported to upstreams. */
export interface Forwarding {
  /** The client's address, then those of trusted proxies; at least the peer's. */
  readonly addresses: readonly [string, ...string[]];
  /** The scheme that the client used. */
  readonly scheme: "http" | "https";
  /** The host that the client used, with any port; empty if unknown. */
  readonly host: string;
  readonly port: string;
  /** The path prefix that was removed on the way; empty for none. */
  readonly prefix: string;
}

/** What the connection shows of a request. */
export interface Connection {
  /** The peer's address. */
  readonly peer: string;
  readonly scheme: "http" | "https";
  readonly host: string;
}

/** A path without characters that a browser or a template would interpret. */
const PREFIX = /^(?:\/[\w.~!$&'()*+;=:@%-]+)+\/?$/;

/**
 * Returns how a request reached the gateway. From a trusted peer it uses `X-Forwarded-Proto`,
 * `-Host`,
 * `-Port` and `-Prefix`; if `Forwarded` (RFC 7239) is the configured header, only `proto` and
 * `host` of the element that names the client. Invalid values and lists are ignored in favor of
 * what the connection shows.
 */
export function readForwarding(
  headers: Headers,
  own: Connection,
  trust: AddressTrust,
): Forwarding {
  const { peer, scheme, host: ownHost } = own;
  if (!isTrusted(peer, trust)) {
    return { addresses: [peer], scheme, host: ownHost, port: portOf(own), prefix: "" };
  }
  const { addresses: [client = peer, ...proxies], first } = clientChain(peer, headers, trust);
  const says = (name: string) => headers.get(`x-forwarded-${name}`) ?? "";
  const isForwarded = trust.header === "forwarded";
  const proto = (isForwarded ? first?.proto ?? "" : says("proto")).toLowerCase();
  const host = isForwarded ? first?.host ?? "" : says("host");
  const reported = {
    scheme: proto === "http" || proto === "https" ? proto : scheme,
    host: isBelievable(host) ? host : ownHost,
  };
  const port = isForwarded ? "" : says("port");
  const prefix = isForwarded ? "" : says("prefix");
  return {
    addresses: [client, ...proxies],
    ...reported,
    port: isPort(port) ? port : portOf(reported),
    prefix: PREFIX.test(prefix) && !hasDotSegment(prefix) ? prefix : "",
  };
}

/** Replaces a request's forwarding headers by how the client's request reached the gateway. */
export function writeForwarding(
  sent: FieldList,
  { addresses, scheme, host, port, prefix }: Forwarding,
  { header }: AddressTrust,
): void {
  sent.put("x-forwarded-for", addresses.join(", "));
  sent.put("x-forwarded-proto", scheme);
  sent.put("x-forwarded-port", port);
  sent.put("x-real-ip", addresses[0]);
  if (host === "") sent.delete("x-forwarded-host");
  else sent.put("x-forwarded-host", host);
  if (prefix === "") sent.delete("x-forwarded-prefix");
  else sent.put("x-forwarded-prefix", prefix);
  if (header !== "forwarded") return sent.delete("forwarded");
  const [client, ...proxies] = addresses.map((address) => `for=${nodeOf(address)}`);
  const element = `${client};proto=${scheme}${host === "" ? "" : `;host="${host}"`}`;
  sent.put("forwarded", [element, ...proxies].join(", "));
}

/** Rejects lists: readers disagree on which of several values counts. */
function isBelievable(host: string): boolean {
  return host !== "" && !host.includes(",") && isAuthority(host);
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
}

function portOf({ scheme, host }: Pick<Forwarding, "scheme" | "host">): string {
  const at = host.lastIndexOf(":") + 1;
  // Not the last group of an IPv6 address: that is in brackets.
  const isStated = at > 0 && at < host.length && !host.endsWith("]");
  return isStated ? host.slice(at) : scheme === "https" ? "443" : "80";
}

/** Formats a node (RFC 7239 section 6): IPv6 in brackets and quotes. */
function nodeOf(address: string): string {
  return address.includes(":") ? `"[${address}]"` : address;
}
