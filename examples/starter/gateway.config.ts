import { defineGateway, json } from "sluice";

/**
 * Your gateway. `deno task dev` runs it, and again whenever you save this file. Then ask it:
 *
 *   curl http://127.0.0.1:8000/home/7
 */
export default defineGateway({
  // Where limits and kept answers are. All processes on this file share them.
  store: "./data/gateway.kv",

  // The APIs behind the gateway. These two are functions, so that it works as it is. One over HTTP
  // is { url: "https://api.example" }.
  upstreams: {
    users: {
      source: ({ path }) => Promise.resolve(json({ id: path.split("/").at(-1), name: "Ada" })),
      // What one attempt may take, until the last byte of the answer.
      timeout: "400ms",
    },
    orders: {
      source: () => Promise.resolve(json([{ id: 1, item: "lamp" }])),
    },
  },

  // How often one client may ask: so many a minute, and so many at once.
  limits: {
    perClient: { rate: "100/min", burst: 20 },
  },

  // What clients can ask.
  routes: {
    "GET /home/:id": {
      limit: "perClient",
      // When this has passed the answer is sent, with what is there.
      deadline: "1s",
      // Both parts at once. Without the user there is no answer; without the orders there is one,
      // which says that they are missing.
      gather: {
        user: { from: "users", path: "/users/{id}" },
        orders: { from: "orders", path: "/orders", params: { user: "{id}" }, optional: true },
      },
    },
  },
});
