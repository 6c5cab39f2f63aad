import type { UpstreamSettings } from "../config/upstream.ts";
import { shortHash } from "../core/short_hash.ts";

/**
 * Returns the target of an upstream's calls: its URL; or its name, with what identifies the text of
 * its function.
 */
export function targetOf(upstream: UpstreamSettings): string {
  if ("base" in upstream) return upstream.base.href;
  const { name } = upstream;
  return "source" in upstream ? `${name} ${shortHash(String(upstream.source))}` : name;
}
