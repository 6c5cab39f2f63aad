import { defineGateway, defineUpstream } from "sluice";
import { callShop, openShop } from "./shop.ts";

/** Combines customers and orders in PostgreSQL with countries from an HTTP API. */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    countries: { url: "http://127.0.0.1:9001", timeout: "1s" },
    shop: defineUpstream({
      open: () => openShop(Deno.env.get("DATABASE_URL")),
      source: callShop,
      close: (sql) => sql.end({ timeout: 2 }),
      timeout: "1s",
      // The size of the pool: further calls queue here, where the queue is bounded.
      concurrency: { max: 10, queue: 50 },
    }),
  },
  routes: {
    "GET /customers/:id": {
      deadline: "2s",
      gather: {
        customer: { from: "shop", path: "/customers/{id}" },
        orders: { from: "shop", path: "/orders", params: { customer: "{id}" }, optional: true },
        country: {
          from: "countries",
          path: "/countries/{customer.country}",
          pick: ["name", "flag"],
          optional: true,
        },
      },
    },
    "POST /orders": {
      gather: {
        order: {
          from: "shop",
          method: "POST",
          path: "/orders",
          params: {
            customer: "{body.customer}",
            product: "{body.product}",
            quantity: "{body.quantity}",
          },
        },
      },
    },
  },
});
