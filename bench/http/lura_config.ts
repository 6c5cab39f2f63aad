import type { Lab } from "./lab.ts";

const FANS = [[1, 1], [3, 1], [10, 1], [3, 10], [3, 100]] as const;

/** The same aggregates and forwards for the engine of KrakenD. */
export function luraConfig(lab: Lab, port: number) {
  const backend = (index: number, size: number, upstream: number | undefined) => ({
    host: [`http://127.0.0.1:${upstream}`],
    url_pattern: `/s${size}/p${index}.json?id={id}`,
    group: `p${index}`,
  });
  const aggregates = FANS.map(([count, size]) => ({
    endpoint: `/agg/${count}/${size}/{id}`,
    backend: Array.from(
      { length: count },
      (_, index) => backend(index, size, lab.upstreams[index % 3]),
    ),
  }));
  const forwards = [1, 100].map((size) => ({
    endpoint: `/s${size}/{file}`,
    output_encoding: "no-op",
    input_query_strings: ["id"],
    backend: [{
      host: [`http://127.0.0.1:${lab.upstreams[0]}`],
      url_pattern: `/s${size}/{file}`,
      encoding: "no-op",
    }],
  }));
  const [u0, u1] = lab.upstreams;
  const slow = {
    endpoint: "/slow/{id}",
    backend: [backend(0, 1, u0), backend(1, 1, u1), backend(2, 1, lab.slowUpstream)],
  };
  return {
    version: 3,
    port,
    listen_ip: "127.0.0.1",
    timeout: "2s",
    cache_ttl: "0s",
    max_idle_connections_per_host: 256,
    max_idle_connections: 1024,
    endpoints: [...aggregates, slow, ...forwards],
  };
}
