import { defineGateway, defineUpstream, json } from "sluice";

/**
 * `async with open_database() as db`, for the lifetime of the server: opened by the first call,
 * shared by all calls, closed after the last one.
 *
 * ```sh
 * curl http://127.0.0.1:8000/visits
 * curl http://127.0.0.1:8000/visits
 * ```
 *
 * ```json
 * {"data": {"visits": 2}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    visits: defineUpstream({
      open: () => Deno.openKv(":memory:"),
      source: async (_call, _ctx, kv) => {
        const { value } = await kv.get<number>(["visits"]);
        const visits = (value ?? 0) + 1;
        await kv.set(["visits"], visits);
        return json(visits);
      },
      close: (kv) => kv.close(),
    }),
  },
  routes: { "GET /visits": { gather: { visits: { from: "visits", path: "/" } } } },
});
