import type { UpstreamSettings } from "../config/upstream.ts";

/** Whether an upstream is told who asks: a function may look at `ctx.client`. */
export function seesClients(upstream: UpstreamSettings): boolean {
  return "source" in upstream;
}
