import { defineGateway } from "sluice";
import { after } from "./after.ts";

/**
 * An `asyncio.Queue(maxsize=2)` with one consumer: one call runs, two wait, and a further one fails
 * at once with 503 and `Retry-After`.
 *
 * ```sh
 * curl http://127.0.0.1:8000/worked?job=1
 * ```
 *
 * ```json
 * {"data": {"it": "worked"}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: { work: { source: after(50, "worked"), concurrency: { max: 1, queue: 2 } } },
  routes: {
    "GET /worked": { gather: { it: { from: "work", path: "/", params: { job: "{query.job}" } } } },
  },
});
