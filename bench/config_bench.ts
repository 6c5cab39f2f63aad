import { parseConfig } from "../lib/config/parse.ts";
import type { GatewayConfig } from "../lib/config/gateway.ts";

/** Reading a config: what the start of a process, and each reload of one, waits for. */
const group = "reading a config";

for (const routes of [3, 100]) {
  const config = configWith(routes);
  Deno.bench({ name: `${routes} routes`, group, baseline: routes === 3 }, () => {
    parseConfig(config, () => undefined);
  });
}

function configWith(routes: number): GatewayConfig {
  return {
    upstreams: {
      users: { url: "http://127.0.0.1:9001", timeout: "400ms", headers: { accept: "*/*" } },
      orders: { url: "http://127.0.0.1:9002", maxBody: "64KiB" },
    },
    routes: Object.fromEntries(
      Array.from({ length: routes }, (_, index) => [`GET /home${index}/:id`, {
        deadline: "1s",
        gather: {
          profile: { from: "users", path: "/users/{id}" },
          orders: { from: "orders", path: "/orders", params: { user: "{id}" }, optional: true },
          offers: { from: "orders", path: "/offers/{id}{?query.lang}", otherwise: [] },
        },
      }]),
    ),
  };
}
