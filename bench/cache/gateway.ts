import { Body } from "../../lib/core/body.ts";
import { openHttpTransport } from "../../lib/transport/http.ts";
import { systemClock } from "../../lib/core/clock.ts";
import type { Source } from "../../lib/core/source.ts";
import { benchGateway } from "../gateway.ts";
import { kilobyteOfJson } from "../parts.ts";

/** The gateway as a process: `/kept/x` from the cache, `/constant/x` from a function; `/bare` is Deno alone. */
const [origin = ""] = Deno.args;
const bytes = kilobyteOfJson("it");
const source: Source = () =>
  Promise.resolve({
    status: 200,
    headers: new Headers({ "content-type": "application/json" }),
    body: Body.of(bytes),
  });
const app = benchGateway({
  upstreams: { origin: { url: origin, cache: {} }, constant: { source } },
  routes: {
    "GET /kept/*": { forward: "origin" },
    "GET /constant/*": { forward: "constant" },
  },
}, { http: openHttpTransport(systemClock).source });
Deno.serve(
  {
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => Deno.stdout.writeSync(new TextEncoder().encode(`${port}\n`)),
  },
  (request, { remoteAddr, completed }) =>
    request.url.endsWith("/bare")
      ? new Response(bytes)
      : app.fetch(request, { remoteAddress: remoteAddr.hostname, scheme: "http", completed }),
);
