import { defineGateway } from "sluice";
import { after } from "./after.ts";

/**
 * `for task in asyncio.as_completed(tasks)`: a line per part, as soon as the part has succeeded.
 *
 * ```sh
 * curl -N -H 'Accept: application/x-ndjson' http://127.0.0.1:8000/all
 * ```
 *
 * ```
 * {"part":"soon","data":1}
 * {"part":"later","data":2}
 * {"part":"last","data":3}
 * {"complete":true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    soon: { source: after(0, 1) },
    later: { source: after(50, 2) },
    last: { source: after(150, 3) },
  },
  routes: {
    "GET /all": {
      gather: {
        last: { from: "last", path: "/" },
        soon: { from: "soon", path: "/" },
        later: { from: "later", path: "/" },
      },
    },
  },
});
