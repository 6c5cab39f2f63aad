import { systemClock } from "../lib/core/clock.ts";
import type { Context, Source } from "../lib/core/source.ts";
import { openHttpTransport } from "../lib/transport/http.ts";
import { kilobyteOfJson } from "./parts.ts";

/**
 * One call over loopback, through sockets of the gateway's own and through fetch. The upstream shares
 * this process, so what a transport costs is the difference between rows.
 */
const bytes = kilobyteOfJson("it");
const large = new Uint8Array(200_000).fill(0x2e);
const upstream = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  ({ url }) => {
    if (url.endsWith("/large")) return new Response(large);
    return new Response(url.endsWith("/chunked") ? ReadableStream.from([bytes]) : bytes);
  },
);
const url = `http://127.0.0.1:${upstream.addr.port}`;
const transport = openHttpTransport(systemClock);
const headers = new Headers({ accept: "application/json", "user-agent": "bench" });
const ctx: Context = {
  signal: new AbortController().signal,
  deadline: Infinity,
  client: { address: "127.0.0.1" },
  trace: { id: "bench", parts: [] },
  background: () => {},
};

async function ask(source: Source, path: string): Promise<void> {
  const { body } = await source({ method: "GET", path, headers }, ctx);
  await body.bytes(large.length);
}

for (const path of ["/small", "/chunked", "/large"]) {
  for (const kind of ["fetch", "socket"] as const) {
    const source = transport.source(url, kind);
    const options = { name: `${kind} ${path}`, group: path, baseline: kind === "fetch" };
    Deno.bench({ ...options, n: 200, warmup: 20 }, async () => {
      await Promise.all(Array.from({ length: 32 }, () => ask(source, path)));
    });
  }
}
