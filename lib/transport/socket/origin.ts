/** Where connections of one pool lead. */
export interface Origin {
  readonly isSecure: boolean;
  /** A name or an address, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** As `Host` says it: the port only where it is not the scheme's own. */
  readonly host: string;
}

/** The origin of an `http:` or `https:` URL. */
export function originOf({ protocol, hostname, port, host }: URL): Origin {
  const isSecure = protocol === "https:";
  return {
    isSecure,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (isSecure ? 443 : 80) : Number(port),
    host,
  };
}
