import { defineGateway, json } from "sluice";

const mailed: string[] = [];

/**
 * `asyncio.create_task(send_mail())`, with the reference held that asyncio requires: the response
 * does not wait for the task, the gateway's shutdown does.
 *
 * ```sh
 * curl -X POST 'http://127.0.0.1:8000/orders?to=ada'
 * ```
 *
 * ```json
 * {"data": {"order": "placed"}, "complete": true}
 * ```
 *
 * ```sh
 * curl http://127.0.0.1:8000/mailed
 * ```
 *
 * ```json
 * {"data": {"mailed": ["ada"]}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    orders: {
      source: ({ path }, ctx) => {
        const to = new URL(path, "http://orders").searchParams.get("to") ?? "";
        ctx.background(async () => {
          await Promise.resolve();
          mailed.push(to);
        });
        return Promise.resolve(json("placed"));
      },
    },
    mailed: { source: () => Promise.resolve(json(mailed)) },
  },
  routes: {
    "POST /orders": {
      gather: {
        order: { from: "orders", method: "POST", path: "/", params: { to: "{query.to}" } },
      },
    },
    "GET /mailed": { gather: { mailed: { from: "mailed", path: "/" } } },
  },
});
