import type { UpstreamSettings } from "../config/upstream.ts";

/** Returns the target of an upstream's calls: its URL, or its name if it has none. */
export function targetOf(upstream: UpstreamSettings): string {
  return "base" in upstream ? upstream.base.href : upstream.name;
}
