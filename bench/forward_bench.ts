import { benchGateway, BINDINGS } from "./gateway.ts";
import { systemClock } from "../lib/core/clock.ts";
import { openHttpTransport } from "../lib/transport/http.ts";
import { kilobyteOfJson } from "./parts.ts";

/**
 * Over loopback: the gateway beside the least that passes a request on, and the upstream asked
 * directly. All of them share this process, so a row counts the client and the upstream too; what
 * the gateway costs is the difference between rows.
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
        a: { from: "it", path: "/{id}" },
        b: { from: "it", path: "/{id}" },
        c: { from: "it", path: "/{id}" },
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
  "upstream, asked directly": `${upstreamUrl}/it/7`,
  "bare pass-through": `http://${hostname}:${bare.addr.port}/it/7`,
  "gateway, forward": `http://${hostname}:${gateway.addr.port}/it/7`,
  "gateway, an aggregate of 1": `http://${hostname}:${gateway.addr.port}/one/7`,
  "gateway, an aggregate of 3": `http://${hostname}:${gateway.addr.port}/three/7`,
};

async function ask(url: string): Promise<void> {
  const response = await fetch(url);
  await response.bytes();
  if (response.status !== 200) throw new Error(`it answered ${response.status}`);
}

for (const [name, url] of Object.entries(rows)) {
  const baseline = name === "bare pass-through";
  Deno.bench({ name, group: "one at a time", baseline, n: 2_000, warmup: 200 }, async () => {
    await ask(url);
  });
}

for (const [name, url] of Object.entries(rows)) {
  const baseline = name === "bare pass-through";
  Deno.bench({ name, group: "32 at once", baseline, n: 100, warmup: 10 }, async () => {
    await Promise.all(Array.from({ length: 32 }, () => ask(url)));
  });
}
