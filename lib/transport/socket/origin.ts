/** The target of a pool's connections. */
export interface Origin {
  readonly isSecure: boolean;
  /** A name or an address, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The `Host` header: with the port if it is not the scheme's default. */
  readonly host: string;
}

/** Returns the origin of an `http:` or `https:` URL. */
export function originOf({ protocol, hostname, port, host }: URL): Origin {
  const isSecure = protocol === "https:";
  return {
    isSecure,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (isSecure ? 443 : 80) : Number(port),
    host,
  };
}
