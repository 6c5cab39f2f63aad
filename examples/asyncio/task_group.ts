import { defineGateway, GatewayError } from "sluice";
import { after } from "./after.ts";
import { Never } from "./never.ts";

const never = new Never();

/**
 * `async with asyncio.TaskGroup() as group`: when one part fails, its siblings are cancelled. The
 * response is sent once none of the calls is running.
 *
 * ```sh
 * curl http://127.0.0.1:8000/group
 * ```
 *
 * ```json
 * {
 *   "type": "/_gateway/problems/upstream-error",
 *   "title": "Upstream failed",
 *   "status": 502,
 *   "detail": "the part fails is required: it failed",
 *   "problems": [{
 *     "part": "fails",
 *     "type": "/_gateway/problems/upstream-error",
 *     "title": "Upstream failed",
 *     "status": 502,
 *     "detail": "it failed"
 *   }]
 * }
 * ```
 *
 * ```sh
 * curl http://127.0.0.1:8000/running
 * ```
 *
 * ```json
 * {"data": {"running": 0}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    fails: { source: () => Promise.reject(new GatewayError("upstream-error", "it failed")) },
    sibling: { source: never.source },
    running: { source: (call, ctx) => after(0, never.running)(call, ctx) },
  },
  routes: {
    "GET /group": {
      gather: { fails: { from: "fails", path: "/" }, sibling: { from: "sibling", path: "/" } },
    },
    "GET /running": { gather: { running: { from: "running", path: "/" } } },
  },
});
