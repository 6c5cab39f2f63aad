import { addProxyStatus, proxyStatusOf } from "../lib/http/proxy_status.ts";
import type { Middleware } from "./env.ts";

/** The lowest status that reports a failure. */
const FAILED = 400;

/**
 * Reports in `Proxy-Status` of a forward what failed: the upstream, whose status it is, or the
 * connection to it (RFC 9209).
 * @param pseudonym the gateway's name in `Via` and `Proxy-Status`
 */
export function proxyStatus(pseudonym: string): Middleware {
  return async function proxyStatus(c, next) {
    await next();
    const error = c.get("error");
    const { status, headers } = c.res;
    if (!error && (status < FAILED || c.get("trace").isHit)) return;
    const member = proxyStatusOf(pseudonym, error ? { error } : { receivedStatus: status });
    if (member) addProxyStatus(headers, [member]);
  };
}
