import { defineGateway } from "sluice";
import { after } from "./after.ts";

/**
 * A token bucket whose `acquire()` waits: a request that comes too soon waits for its token, first
 * come, first served. The second response comes 100 ms after the first.
 *
 * ```sh
 * curl http://127.0.0.1:8000/paced
 * curl http://127.0.0.1:8000/paced
 * ```
 *
 * ```json
 * {"data": {"it": "done"}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: { it: { source: after(0, "done") } },
  limits: { paced: { rate: "10/s", burst: 1, by: "all", wait: "5s", queue: 100 } },
  routes: { "GET /paced": { limit: "paced", gather: { it: { from: "it", path: "/" } } } },
});
