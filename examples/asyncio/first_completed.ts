import { defineGateway } from "sluice";
import { after } from "./after.ts";
import { Never } from "./never.ts";

const never = new Never();

/**
 * `await asyncio.wait({mirror_1, mirror_2}, return_when=FIRST_COMPLETED)`: the first success is the
 * answer, and the others are cancelled.
 *
 * ```sh
 * curl http://127.0.0.1:8000/fastest
 * ```
 *
 * ```json
 * {"data": "from mirror 2", "complete": true}
 * ```
 *
 * Nobody asks the slow one any more:
 *
 * ```sh
 * curl http://127.0.0.1:8000/asking
 * ```
 *
 * ```json
 * {"data": {"asking": 0}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    mirror1: { source: never.source },
    mirror2: { source: after(10, "from mirror 2") },
    asking: { source: (call, ctx) => after(0, never.asking)(call, ctx) },
  },
  routes: {
    "GET /fastest": {
      first: { one: { from: "mirror1", path: "/" }, two: { from: "mirror2", path: "/" } },
    },
    "GET /asking": { gather: { asking: { from: "asking", path: "/" } } },
  },
});
