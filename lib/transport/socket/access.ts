import type { UpstreamTls } from "../../config/upstream_tls.ts";

/** What connections and requests to a URL need besides it. */
export interface Access {
  /** The upstream's name; absent: it has none. */
  readonly name?: string;
  /** Undefined: the system's CAs, no certificate of the gateway's own. */
  readonly tls: UpstreamTls | undefined;
  /** The `Host` header; undefined: the URL's. */
  readonly host: string | undefined;
  /** Whether it may be in a private network (default true). */
  readonly allowsPrivate?: boolean;
}

/** Nothing but the URL. */
export const PLAIN_ACCESS: Access = { tls: undefined, host: undefined };
