import { defineGateway } from "sluice";
import { after } from "./after.ts";
import { Never } from "./never.ts";

const never = new Never();

/**
 * `await asyncio.wait({mirror_1, mirror_2}, return_when=FIRST_COMPLETED)`: responds with the first
 * success, and cancels the others.
 *
 * ```sh
 * curl http://127.0.0.1:8000/fastest
 * ```
 *
 * ```json
 * {"data": "from mirror 2", "complete": true}
 * ```
 *
 * The call to the slow mirror no longer runs:
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
    mirror1: { source: never.source },
    mirror2: { source: after(10, "from mirror 2") },
    running: { source: (call, ctx) => after(0, never.running)(call, ctx) },
  },
  routes: {
    "GET /fastest": {
      first: { one: { from: "mirror1", path: "/" }, two: { from: "mirror2", path: "/" } },
    },
    "GET /running": { gather: { running: { from: "running", path: "/" } } },
  },
});
