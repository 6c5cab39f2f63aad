import { delay } from "@std/async";
import { defineGateway, json } from "sluice";

let running = 0;
let most = 0;

/**
 * `async with asyncio.Semaphore(3)`: a call for each item of a list, at most three at a time.
 *
 * ```sh
 * curl 'http://127.0.0.1:8000/squares?n=1&n=2&n=3&n=4&n=5'
 * ```
 *
 * ```json
 * {"data": {"squares": [1, 4, 9, 16, 25]}, "complete": true}
 * ```
 *
 * ```sh
 * curl http://127.0.0.1:8000/most
 * ```
 *
 * ```json
 * {"data": {"most": 3}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    squares: {
      source: async ({ path }, { signal }) => {
        most = Math.max(most, ++running);
        await delay(10, { signal });
        running--;
        return json(Number(path.slice(1)) ** 2);
      },
    },
    most: { source: () => Promise.resolve(json(most)) },
  },
  routes: {
    "GET /squares": {
      gather: {
        squares: { from: "squares", path: "/{item}", each: "{query.n}", concurrency: 3 },
      },
    },
    "GET /most": { gather: { most: { from: "most", path: "/" } } },
  },
});
