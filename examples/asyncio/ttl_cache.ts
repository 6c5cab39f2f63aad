import { defineGateway, json } from "sluice";

let calls = 0;

/**
 * `@cached(TTLCache(ttl=60))` on an async function, with one call for concurrent requests.
 *
 * ```sh
 * curl http://127.0.0.1:8000/expensive
 * curl http://127.0.0.1:8000/expensive
 * ```
 *
 * ```json
 * {"data": {"calls": 1}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    expensive: { source: () => Promise.resolve(json(++calls)), cache: { ttl: "1m" } },
  },
  routes: { "GET /expensive": { gather: { calls: { from: "expensive", path: "/" } } } },
});
