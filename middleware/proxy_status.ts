import { addProxyStatus, proxyStatusOf } from "../lib/http/proxy_status.ts";
import type { Middleware } from "./middleware.ts";

/** The lowest status that reports a failure. */
const FAILED = 400;

/**
 * Reports in `Proxy-Status` of a forward what failed: the upstream, whose status it is, or the
 * connection to it (RFC 9209).
 * @param pseudonym the gateway's name in `Via` and `Proxy-Status`
 */
export function proxyStatus(pseudonym: string): Middleware {
  return {
    after(c, { status, headers }) {
      const { error } = c;
      if (!error && (status < FAILED || c.trace.isHit)) return;
      const member = proxyStatusOf(pseudonym, error ? { error } : { receivedStatus: status });
      if (member) addProxyStatus(headers, [member]);
    },
  };
}
