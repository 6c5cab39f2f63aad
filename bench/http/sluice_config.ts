import type { Lab } from "./lab.ts";

/** The aggregates and forwards of a config. */
export interface Shapes {
  readonly fans: readonly (readonly [parts: number, kilobytes: number])[];
  /** In KB. */
  readonly forwards: readonly number[];
}

const SHAPES: Shapes = {
  fans: [[1, 1], [3, 1], [10, 1], [3, 10], [3, 100]],
  forwards: [1, 100],
};

/** Sluice with nothing but its routes, and all in memory. */
export function bareConfig(lab: Lab) {
  return { store: ":memory:", upstreams: upstreams(lab, {}), routes: routes({}, SHAPES) };
}

/** Sluice with a store, a cache layer and a timeout on each upstream, a limit and a deadline on each route. */
export function fullConfig(lab: Lab, store: string, isCached = true, shapes = SHAPES) {
  const by = ["header:x-client", "ip"];
  return {
    store,
    upstreams: upstreams(lab, { timeout: "2s", ...(isCached && { cache: {} }) }),
    limits: {
      wide: { rate: "1000000/s", burst: 1_000_000, by },
      none: { rate: "1/d", burst: 1, by },
    },
    routes: {
      ...routes({ limit: "wide", deadline: "5s" }, shapes),
      "GET /allowed/*": { forward: "u0", limit: "wide" },
      "GET /denied/*": { forward: "u0", limit: "none" },
    },
  };
}

function upstreams(lab: Lab, settings: Readonly<Record<string, unknown>>) {
  const of = (port: number) => ({ url: `http://127.0.0.1:${port}`, ...settings });
  const [u0, u1, u2] = lab.upstreams;
  return {
    u0: of(u0),
    u1: of(u1),
    u2: of(u2),
    slow: of(lab.slowUpstream),
    stored: { ...of(u0), cache: {} },
  };
}

function routes(settings: Readonly<Record<string, unknown>>, { fans, forwards }: Shapes) {
  const part = (index: number, size: number, from = `u${index % 3}`) => ({
    from,
    path: `/s${size}/p${index}.json?id={id}`,
  });
  const aggregates = fans.map(([count, size]) => [
    `GET /agg/${count}/${size}/:id`,
    {
      ...settings,
      gather: Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`p${index}`, part(index, size)]),
      ),
    },
  ]);
  return {
    ...Object.fromEntries(aggregates),
    "GET /slow/:id": {
      ...settings,
      gather: { p0: part(0, 1), p1: part(1, 1), p2: part(2, 1, "slow") },
    },
    ...Object.fromEntries(
      forwards.map((size) => [`GET /s${size}/*`, { ...settings, forward: "u0" }]),
    ),
    "GET /c/*": { ...settings, forward: "stored" },
  };
}
