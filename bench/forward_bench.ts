import { benchGateway, BINDINGS } from "./gateway.ts";
import { systemClock } from "../lib/core/clock.ts";
import { openHttpTransport } from "../lib/transport/http.ts";
import { kilobyteOfJson } from "./parts.ts";

/**
 * Over loopback: the gateway beside the least that passes a request on, and the upstream called
 * directly. All of them share this process, so a row counts the client and the upstream too; what
 * the gateway costs is the difference between rows. No two calls are equal: equal ones that wait at
 * the same time are coalesced, and cost next to nothing. `deno task bench:http` has a process each.
 */
const bytes = kilobyteOfJson("it");
const hostname = "127.0.0.1";
const upstream = Deno.serve(
  { hostname, port: 0, onListen() {} },
  () => new Response(bytes, { headers: { "content-type": "application/json" } }),
);
const upstreamUrl = `http://${hostname}:${upstream.addr.port}`;

const bare = Deno.serve({ hostname, port: 0, onListen() {} }, ({ url }) => {
  const { pathname, search } = new URL(url);
  return fetch(upstreamUrl + pathname + search);
});

const app = benchGateway({
  upstreams: { it: { url: upstreamUrl } },
  routes: {
    "GET /one/:id": { gather: { it: { from: "it", path: "/{id}" } } },
    "GET /three/:id": {
      gather: {
        a: { from: "it", path: "/a/{id}" },
        b: { from: "it", path: "/b/{id}" },
        c: { from: "it", path: "/c/{id}" },
      },
    },
    "ANY /*": { forward: "it" },
  },
}, { http: openHttpTransport(systemClock).source });
const gateway = Deno.serve(
  { hostname, port: 0, onListen() {} },
  (request, { remoteAddr, completed }) =>
    app.fetch(request, { ...BINDINGS, remoteAddress: remoteAddr.hostname, completed }),
);

const rows = {
  "upstream, called directly": `${upstreamUrl}/it/`,
  "bare pass-through": `http://${hostname}:${bare.addr.port}/it/`,
  "gateway, forward": `http://${hostname}:${gateway.addr.port}/it/`,
  "gateway, an aggregate of 1": `http://${hostname}:${gateway.addr.port}/one/`,
  "gateway, an aggregate of 3": `http://${hostname}:${gateway.addr.port}/three/`,
};

let sent = 0;

async function send(url: string): Promise<void> {
  const response = await fetch(url + sent++);
  await response.bytes();
  if (response.status !== 200) throw new Error(`it responded ${response.status}`);
}

for (const [name, url] of Object.entries(rows)) {
  const baseline = name === "bare pass-through";
  Deno.bench({ name, group: "one at a time", baseline, n: 2_000, warmup: 200 }, async () => {
    await send(url);
  });
}

for (const [name, url] of Object.entries(rows)) {
  const baseline = name === "bare pass-through";
  Deno.bench({ name, group: "32 at once", baseline, n: 100, warmup: 10 }, async () => {
    await Promise.all(Array.from({ length: 32 }, () => send(url)));
  });
}
