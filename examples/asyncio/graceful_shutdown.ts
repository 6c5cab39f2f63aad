import { defineGateway } from "sluice";
import { after } from "./after.ts";

/**
 * `loop.add_signal_handler(SIGTERM, …)`, with all that it takes: the gateway accepts no more, answers
 * what it has, lets background work end, closes what sources opened, gives back what its limits had
 * leased, and ends. Send it SIGTERM while this is under way; the answer comes all the same.
 *
 * ```sh
 * curl http://127.0.0.1:8000/slow
 * ```
 *
 * ```json
 * {"data": {"it": "done"}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: { slow: { source: after(500, "done") } },
  routes: { "GET /slow": { gather: { it: { from: "slow", path: "/" } } } },
});
