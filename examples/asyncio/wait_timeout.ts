import { defineGateway } from "sluice";
import { after } from "./after.ts";
import { Never } from "./never.ts";

const never = new Never();

/**
 * `done, pending = await asyncio.wait(tasks, timeout=0.1)`, then `task.cancel()` for each that is
 * pending: the response has the parts that succeeded before the deadline; the others are cancelled.
 *
 * ```sh
 * curl http://127.0.0.1:8000/by-then
 * ```
 *
 * ```json
 * {
 *   "data": {"fast": "there", "slow": null},
 *   "complete": false,
 *   "problems": [{
 *     "part": "slow",
 *     "type": "/_gateway/problems/deadline-exceeded",
 *     "title": "Request deadline exceeded",
 *     "status": 504,
 *     "detail": "no response within the 100 ms of this route"
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
    fast: { source: after(10, "there") },
    slow: { source: never.source },
    running: { source: (call, ctx) => after(0, never.running)(call, ctx) },
  },
  routes: {
    "GET /by-then": {
      deadline: "100ms",
      gather: {
        fast: { from: "fast", path: "/", optional: true },
        slow: { from: "slow", path: "/", optional: true },
      },
    },
    "GET /running": { gather: { running: { from: "running", path: "/" } } },
  },
});
