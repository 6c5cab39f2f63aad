import type { UpstreamSettings } from "../config/upstream.ts";

/** Whether an upstream can see the client: a function can read `ctx.client`. */
export function seesClients(upstream: UpstreamSettings): boolean {
  return "source" in upstream;
}
