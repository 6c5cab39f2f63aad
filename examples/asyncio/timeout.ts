import { defineGateway } from "sluice";
import { after } from "./after.ts";
import { Never } from "./never.ts";

/**
 * `async with asyncio.timeout(0.05)`: a timeout for one part, with a fallback value. It does not
 * delay the other parts.
 *
 * ```sh
 * curl http://127.0.0.1:8000/page
 * ```
 *
 * ```json
 * {
 *   "data": {"text": "here", "advice": []},
 *   "complete": false,
 *   "problems": [{
 *     "part": "advice",
 *     "type": "/_gateway/problems/upstream-timeout",
 *     "title": "Upstream timed out",
 *     "status": 504,
 *     "detail": "no response within 50 ms"
 *   }]
 * }
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: { text: { source: after(10, "here") }, advice: { source: new Never().source } },
  routes: {
    "GET /page": {
      gather: {
        text: { from: "text", path: "/" },
        advice: { from: "advice", path: "/", timeout: "50ms", otherwise: [] },
      },
    },
  },
});
