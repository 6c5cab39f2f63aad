import type { UpstreamTls } from "../../config/upstream_tls.ts";
import { type Access, PLAIN_ACCESS } from "./access.ts";

/** The target of a pool's connections. */
export interface Origin {
  readonly isSecure: boolean;
  /** A name or an address, without brackets; the server's name in TLS, unless `tls` has another. */
  readonly hostname: string;
  /** What to connect to: the hostname, or one of its addresses. */
  readonly address: string;
  readonly port: number;
  /** The `Host` header: with the port if it is not the scheme's default. */
  readonly host: string;
  readonly tls: UpstreamTls | undefined;
  /** Whether it may be in a private network. */
  readonly allowsPrivate: boolean;
}

/**
 * Returns the origin of an `http:` or `https:` URL.
 * @param address one of its host's addresses (default: the platform chooses)
 */
export function originOf(
  { protocol, hostname: name, port, host }: URL,
  address?: string,
  access: Access = PLAIN_ACCESS,
): Origin {
  const isSecure = protocol === "https:";
  const hostname = name.replace(/^\[(.*)\]$/, "$1");
  return {
    isSecure,
    hostname,
    address: address ?? hostname,
    port: port === "" ? (isSecure ? 443 : 80) : Number(port),
    host: access.host ?? host,
    tls: access.tls,
    allowsPrivate: access.allowsPrivate ?? true,
  };
}
