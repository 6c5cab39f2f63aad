import type { UpstreamSettings } from "../config/upstream.ts";
import { digest } from "../core/digest.ts";
import { shortHash } from "../core/short_hash.ts";

/**
 * Returns the target of an upstream's calls: its URL, virtual host and TLS; or its name, with what identifies the text of
 * its function.
 */
export function targetOf(upstream: UpstreamSettings): string {
  if ("base" in upstream) {
    const { base: { href }, host, tls } = upstream;
    if (host === undefined && tls === undefined) return href;
    // Without the key: the certificate says who the gateway is.
    return `${href} ${digest(JSON.stringify([host, tls?.ca, tls?.serverName, tls?.own?.cert]))}`;
  }
  const { name } = upstream;
  return "source" in upstream ? `${name} ${shortHash(String(upstream.source))}` : name;
}
