import { defineGateway } from "sluice";
import { after } from "./after.ts";

/**
 * `loop.add_signal_handler(SIGTERM, …)`, complete: the gateway stops accepting connections, finishes
 * pending requests and background work, closes what sources opened, returns the tokens that its
 * limits had leased, and exits. Send SIGTERM while this request runs: the response still arrives.
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
