import { defineGateway, json } from "sluice";

let attempts = 0;

/**
 * A retry loop with exponential backoff and jitter: retries transient failures as long as the
 * deadline allows.
 *
 * ```sh
 * curl http://127.0.0.1:8000/flaky
 * ```
 *
 * ```json
 * {"data": {"it": "attempt 3"}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    flaky: {
      source: () =>
        Promise.resolve(++attempts % 3 === 0 ? json(`attempt ${attempts}`) : json("busy", 503)),
      retry: { attempts: 3, backoff: "10ms" },
    },
  },
  routes: { "GET /flaky": { gather: { it: { from: "flaky", path: "/" } } } },
});
