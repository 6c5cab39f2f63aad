import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { Upstream } from "../../lib/config/upstream.ts";
import type { Random } from "./random.ts";

const NAMES = ["a", "b", "users", "v1.2", "new", "x-y", "~me"];
const PARAMS = ["id", "name", "rest", "key"];
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "ANY"];
const PARTS = ["profile", "orders", "list", "it"];

/**
 * Makes a config with up to 12 routes of every kind, over the upstream `up` and a limit.
 * @param up the upstream's `url` or `source`
 */
export function randomRoutes(
  random: Random,
  up: Upstream = { url: "http://127.0.0.1:9" },
): GatewayConfig {
  const routes = Object.fromEntries(random.list(1, 12, () => randomRoute(random)));
  return {
    upstreams: { up: { ...up, ...maybe(random, { retry: {} }), ...maybe(random, { cache: {} }) } },
    limits: { it: { rate: "5/s", burst: 10 } },
    ...maybe(random, {
      clients: {
        key: random.pick(["bearer", "header:x-api-key"] as const),
        known: "kv" as const,
        required: random.bool(),
      },
    }),
    ...maybe(random, { openapi: { title: random.pick(["Shop", "ß/{}~"]), version: "2026-01" } }),
    // Whether they are valid is for the parser to say.
    routes: routes as GatewayConfig["routes"],
  };
}

function randomRoute(random: Random): [key: string, route: unknown] {
  const params: string[] = [];
  const segments = random.list(0, 3, () => {
    const param = random.pick(PARAMS);
    if (random.bool() || params.includes(param)) return random.pick(NAMES);
    params.push(param);
    return `:${param}`;
  });
  const path = `/${[...segments, ...random.bool(0.2) ? ["*"] : []].join("/")}`;
  const shared = { ...maybe(random, { limit: "it", cost: random.int(1, 3) }) };
  switch (random.pick(["gather", "quorum", "first", "forward", "batch"])) {
    case "batch":
      return [`POST ${path}`, { ...shared, batch: { max: random.int(1, 50) } }];
    case "forward":
      return [`${random.pick(METHODS)} ${path}`, { ...shared, forward: "up" }];
    case "first":
      return [keyOf(random, path), { ...shared, first: randomParts(random, params, true) }];
    case "quorum":
      return [
        keyOf(random, path),
        { ...shared, quorum: 1, gather: randomParts(random, params, true) },
      ];
    default:
      return [
        keyOf(random, path),
        {
          ...shared,
          ...maybe(random, { cache: { ttl: "1m" } }),
          gather: randomParts(random, params, false),
        },
      ];
  }
}

function keyOf(random: Random, path: string): string {
  return `${random.pick(METHODS)} ${path}`;
}

function randomParts(random: Random, params: readonly string[], isRace: boolean) {
  const parts = random.shuffle(PARTS).slice(0, random.int(1, PARTS.length)).map((name) => {
    const isSent = random.bool(0.3);
    const value = () =>
      random.pick([
        ...params.map((param) => `{${param}}`),
        "{query.lang}",
        '{query["a b"]}',
        "{header.x-a}",
        "{header.authorization}",
        "{body.a.b}",
        "{body.tags}",
        "{body.list.0.id}",
      ]);
    const list = random.bool(0.4)
      ? random.pick(["{query.ids}", "{query.ids*}", "{body.ids}"])
      : undefined;
    return [name, {
      from: "up",
      path: list === undefined ? `/${random.pick(["x", value()])}{?query.page}` : "/{item}",
      ...(list !== undefined && { each: list, max: random.int(1, 9) }),
      ...maybe(random, { params: random.pick(["{query}", { q: value() }]) }),
      ...maybe(random, { headers: { "x-b": value() } }),
      ...(isSent && { method: "POST", body: { v: value(), list: ["{query.tag*}"] } }),
      ...(list === undefined && maybe(random, { pages: { next: "link", max: 2 } })),
      ...(!isRace && random.pick([{}, { optional: true }, { otherwise: { a: [1] } }])),
    }];
  });
  return Object.fromEntries(parts);
}

function maybe<T extends object>(random: Random, keys: T): T | undefined {
  return random.bool(0.4) ? keys : undefined;
}
