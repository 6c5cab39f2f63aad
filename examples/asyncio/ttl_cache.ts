import { defineGateway, json } from "sluice";

let asked = 0;

/**
 * `@cached(TTLCache(ttl=60))` on an async function, with one call for all who come while it is
 * filled.
 *
 * ```sh
 * curl http://127.0.0.1:8000/dear
 * curl http://127.0.0.1:8000/dear
 * ```
 *
 * ```json
 * {"data": {"asked": 1}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    dear: { source: () => Promise.resolve(json(++asked)), cache: { ttl: "1m" } },
  },
  routes: { "GET /dear": { gather: { asked: { from: "dear", path: "/" } } } },
});
