import type { UpstreamSettings } from "../config/upstream.ts";

/** Where an upstream's calls go: its URL, or the name of one that has none. */
export function targetOf(upstream: UpstreamSettings): string {
  return "base" in upstream ? upstream.base.href : upstream.name;
}
