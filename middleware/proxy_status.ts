import { addProxyStatus, proxyStatusOf } from "../lib/http/proxy_status.ts";
import type { Middleware } from "./env.ts";

/** From here on a status says that something failed. */
const FAILED = 400;

/**
 * Says in the headers of a forward who failed: the upstream, whose own status it is, or the way
 * there (RFC 9209).
 * @param pseudonym what the gateway calls itself
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
