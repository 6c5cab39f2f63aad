import { defineGateway, json } from "sluice";

/**
 * Your gateway. `deno task dev` runs it, and restarts it when you save this file. Try it:
 *
 *   curl http://127.0.0.1:8000/home/7
 */
export default defineGateway({
  // The store of rate limits and cached responses. All processes that use this file share them.
  store: "./data/gateway.kv",

  // The APIs behind the gateway. These two are functions, so that the example runs on its own. An
  // HTTP API is { url: "https://api.example" }.
  upstreams: {
    users: {
      source: ({ path }) => Promise.resolve(json({ id: path.split("/").at(-1), name: "Ada" })),
      // The longest that one attempt may take, until the last byte of the response.
      timeout: "400ms",
    },
    orders: {
      source: () => Promise.resolve(json([{ id: 1, item: "lamp" }])),
    },
  },

  // The rate limit of each client: requests per minute, and the largest burst.
  limits: {
    perClient: { rate: "100/min", burst: 20 },
  },

  // The routes that clients can request.
  routes: {
    "GET /home/:id": {
      limit: "perClient",
      // After this time the response is sent with the parts that are there.
      deadline: "1s",
      // Both parts are called concurrently. Without the user the request fails; without the orders the
      // response says that they are missing.
      gather: {
        user: { from: "users", path: "/users/{id}" },
        orders: { from: "orders", path: "/orders", params: { user: "{id}" }, optional: true },
      },
    },
  },
});
