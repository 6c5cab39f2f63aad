import { Hono } from "hono";
import type { UpstreamStatus } from "../../lib/upstream/upstream_status.ts";
import type { OperatorEnv } from "./operator_env.ts";
import { NO_STORE } from "./no_store.ts";

/** Shows how the upstreams do in this process. */
export function upstreamsAdmin(status: () => readonly UpstreamStatus[]): Hono<OperatorEnv> {
  return new Hono<OperatorEnv>().get("/", (c) => c.json({ upstreams: status() }, 200, NO_STORE));
}
