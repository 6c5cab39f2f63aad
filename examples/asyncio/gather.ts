import { defineGateway } from "sluice";
import { after } from "./after.ts";

/**
 * `await asyncio.gather(user(), orders())`: two concurrent calls, and one response with both results.
 *
 * ```sh
 * curl http://127.0.0.1:8000/both
 * ```
 *
 * ```json
 * {"data": {"user": "Ada", "orders": [7, 8]}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    user: { source: after(20, "Ada") },
    orders: { source: after(10, [7, 8]) },
  },
  routes: {
    "GET /both": {
      gather: { user: { from: "user", path: "/" }, orders: { from: "orders", path: "/" } },
    },
  },
});
