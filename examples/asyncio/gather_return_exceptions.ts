import { defineGateway, GatewayError } from "sluice";
import { after } from "./after.ts";

/**
 * `await asyncio.gather(user(), news(), return_exceptions=True)`: the response has the results that
 * succeeded, and a problem for each part that failed.
 *
 * ```sh
 * curl http://127.0.0.1:8000/both
 * ```
 *
 * ```json
 * {
 *   "data": {"user": "Ada", "news": null},
 *   "complete": false,
 *   "problems": [{
 *     "part": "news",
 *     "type": "/_gateway/problems/upstream-error",
 *     "title": "Upstream failed",
 *     "status": 502,
 *     "detail": "no news today"
 *   }]
 * }
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    user: { source: after(10, "Ada") },
    news: { source: () => Promise.reject(new GatewayError("upstream-error", "no news today")) },
  },
  routes: {
    "GET /both": {
      gather: {
        user: { from: "user", path: "/", optional: true },
        news: { from: "news", path: "/", optional: true },
      },
    },
  },
});
