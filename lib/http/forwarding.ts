import { type AddressTrust, clientChain, isTrusted } from "./client_address.ts";
import { hasDotSegment } from "./path.ts";
import { isAuthority } from "./authority.ts";

/** How a client's request came to the gateway, as upstreams are told. */
export interface Forwarding {
  /** The client's address, then each trusted proxy's on the way; at least the peer's. */
  readonly addresses: readonly [string, ...string[]];
  /** What the client asked for. */
  readonly scheme: "http" | "https";
  /** With its port, where the client named one; empty when nobody says. */
  readonly host: string;
  readonly port: string;
  /** What was taken off the front of the path on the way; empty for nothing. */
  readonly prefix: string;
}

/** What the gateway itself sees of a request. */
export interface Connection {
  /** The address at the other end. */
  readonly peer: string;
  readonly scheme: "http" | "https";
  readonly host: string;
}

/** A path without anything that a browser or a template would take for more. */
const PREFIX = /^(?:\/[\w.~!$&'()*+;=:@%-]+)+\/?$/;

/**
 * How a request came. Of a trusted peer `X-Forwarded-Proto`, `-Host`, `-Port` and `-Prefix` are
 * believed; where `Forwarded` (RFC 7239) is the header that counts, `proto` and `host` of the element
 * that names the client, and nothing else. A value that is none, or a list, is not believed, and what
 * the connection itself shows takes its place.
 */
export function readForwarding(
  headers: Headers,
  { peer, ...own }: Connection,
  trust: AddressTrust,
): Forwarding {
  if (!isTrusted(peer, trust)) return { addresses: [peer], ...own, port: portOf(own), prefix: "" };
  const { addresses: [client = peer, ...proxies], first } = clientChain(peer, headers, trust);
  const says = (name: string) => headers.get(`x-forwarded-${name}`) ?? "";
  const isForwarded = trust.header === "forwarded";
  const proto = (isForwarded ? first?.proto ?? "" : says("proto")).toLowerCase();
  const host = isForwarded ? first?.host ?? "" : says("host");
  const told = {
    scheme: proto === "http" || proto === "https" ? proto : own.scheme,
    host: isBelievable(host) ? host : own.host,
  };
  const port = isForwarded ? "" : says("port");
  const prefix = isForwarded ? "" : says("prefix");
  return {
    addresses: [client, ...proxies],
    ...told,
    port: isPort(port) ? port : portOf(told),
    prefix: PREFIX.test(prefix) && !hasDotSegment(prefix) ? prefix : "",
  };
}

/** Writes into a request's headers how the client's came, in the place of all that they say of it. */
export function writeForwarding(
  sent: Headers,
  { addresses, scheme, host, port, prefix }: Forwarding,
  { header }: AddressTrust,
): void {
  sent.set("x-forwarded-for", addresses.join(", "));
  sent.set("x-forwarded-proto", scheme);
  sent.set("x-forwarded-port", port);
  sent.set("x-real-ip", addresses[0]);
  if (host === "") sent.delete("x-forwarded-host");
  else sent.set("x-forwarded-host", host);
  if (prefix === "") sent.delete("x-forwarded-prefix");
  else sent.set("x-forwarded-prefix", prefix);
  if (header !== "forwarded") return sent.delete("forwarded");
  const [client, ...proxies] = addresses.map((address) => `for=${nodeOf(address)}`);
  const asked = `${client};proto=${scheme}${host === "" ? "" : `;host="${host}"`}`;
  sent.set("forwarded", [asked, ...proxies].join(", "));
}

/** Several values in one would be chosen from by each reader in its own way. */
function isBelievable(host: string): boolean {
  return host !== "" && !host.includes(",") && isAuthority(host);
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
}

function portOf({ scheme, host }: Pick<Forwarding, "scheme" | "host">): string {
  return /:(\d+)$/.exec(host)?.[1] ?? (scheme === "https" ? "443" : "80");
}

/** RFC 7239 section 6: an IPv6 address stands in brackets, and these in quotes. */
function nodeOf(address: string): string {
  return address.includes(":") ? `"[${address}]"` : address;
}
