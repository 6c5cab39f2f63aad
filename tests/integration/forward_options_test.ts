import { assertEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { gatewayFor } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

const APP = "https://app.example";

/** Responds to OPTIONS in its own way, with cross-origin access for everybody. */
function startOptions() {
  return startUpstream(({ method, headers }) =>
    new Response(method === "OPTIONS" ? "own" : "data", {
      headers: {
        allow: "GET, REPORT",
        "access-control-allow-origin": "*",
        "access-control-allow-credentials": "true",
        "x-hops": headers.get("max-forwards") ?? "any",
      },
    })
  );
}

const ROUTES = {
  "ANY /dav/*": { forward: "up" },
  "OPTIONS /dav/*": { forward: "up" },
  "GET /dav/own": { cors: { origins: [APP] }, forward: "up" },
  "GET /other": { forward: "up" },
} as const satisfies GatewayConfig["routes"];

interface Sent {
  readonly url: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
}

async function options({ url, path, headers = {} }: Sent) {
  const response = await fetch(url + path, { method: "OPTIONS", headers });
  const got = (name: string) => response.headers.get(name);
  return {
    status: response.status,
    body: await response.text(),
    allow: got("allow"),
    origin: got("access-control-allow-origin"),
    credentials: got("access-control-allow-credentials"),
    hops: got("x-hops"),
  };
}

const preflight = { origin: APP, "access-control-request-method": "GET" };

Deno.test("a route for OPTIONS passes it on; elsewhere the gateway responds", async () => {
  await using upstream = startOptions();
  await using gateway = gatewayFor({ upstream: upstream.url, routes: ROUTES });
  const { url } = gateway;
  const own = await options({ url, path: "/dav/x" });
  assertEquals([own.status, own.body, own.allow], [200, "own", "GET, REPORT"]);
  const other = await options({ url, path: "/other" });
  assertEquals([other.status, other.allow], [204, "GET, HEAD, OPTIONS"]);
  const reserved = await options({ url, path: "/_gateway/health/live" });
  assertEquals([reserved.status, reserved.allow], [204, "GET, HEAD, OPTIONS"]);
});

Deno.test("Max-Forwards ends OPTIONS at the gateway, or is counted down", async () => {
  await using upstream = startOptions();
  await using gateway = gatewayFor({ upstream: upstream.url, routes: ROUTES });
  for (const [sent, hops] of [["0", null], ["1", "0"], ["7", "6"], ["x", "x"]] as const) {
    const headers = { "max-forwards": sent };
    assertEquals((await options({ url: gateway.url, path: "/dav/x", headers })).hops, hops, sent);
  }
});

Deno.test("preflights: of routes with cors the gateway's, of the others the upstream's", async () => {
  await using upstream = startOptions();
  await using gateway = gatewayFor({ upstream: upstream.url, routes: ROUTES });
  const { url } = gateway;
  const decided = await options({ url, path: "/dav/own", headers: preflight });
  assertEquals([decided.status, decided.origin, decided.credentials], [204, APP, null]);
  const passed = await options({ url, path: "/dav/x", headers: preflight });
  assertEquals([passed.status, passed.origin, passed.credentials], [200, "*", "true"]);
});

Deno.test("preflights: with cors for all, only cors: false leaves them to the upstream", async () => {
  await using upstream = startOptions();
  await using gateway = gatewayFor({
    upstream: upstream.url,
    cors: { origins: [APP] },
    routes: { ...ROUTES, "ANY /dav/*": { cors: false, forward: "up" } },
  });
  const { url } = gateway;
  const own = { url, path: "/dav/own", headers: preflight };
  assertEquals((await options(own)).status, 204);
  const passed = await options({ url, path: "/dav/x", headers: preflight });
  assertEquals([passed.status, passed.origin, passed.credentials], [200, "*", "true"]);
  // A page's own OPTIONS is under the cors of the route for OPTIONS, and needs a preflight of its own.
  const asked = { ...preflight, "access-control-request-method": "OPTIONS" };
  const allowed = await options({ url, path: "/dav/x", headers: asked });
  assertEquals([allowed.status, allowed.origin], [204, APP]);
  const sent = await options({ url, path: "/dav/x", headers: { origin: APP } });
  assertEquals([sent.status, sent.body, sent.origin, sent.credentials], [200, "own", APP, null]);
});
