import { assertEquals, assertThrows } from "@std/assert";
import { parseConfig } from "../../../lib/config/parse.ts";
import { ConfigError } from "../../../lib/config/config_error.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { assertSchemaRejects } from "../../support/config_schema.ts";

const LIMIT = { rate: "5/s", burst: 5 };
const SOURCES =
  "must be client, ip, all, header:NAME, claim:NAME, cookie:NAME, query:NAME or param:NAME";
const SOURCE_LISTS = `${SOURCES}, or a list of these`;
const RATES = "must be a rate such as 5/s or 100/min, up to 1000000/s";
const COUNTS = "must be a whole number of at least 1";
const KEYS = "must be bearer or header:NAME";
const NAMES = "must have a name of letters, digits, - and _, with no digit or - at its start";

const LIMITS: [what: string, limits: unknown, message: string][] = [
  ["no object", [], "limits: must be an object of limits by name; got []"],
  ["a bad name", { "a b": LIMIT }, `limits["a b"]: ${NAMES}`],
  ["a limit that is none", { a: 5 }, "limits.a: must be an object; got 5"],
  ["no rate", { a: { burst: 5 } }, "limits.a.rate: is required"],
  ["no burst", { a: { rate: "5/s" } }, "limits.a.burst: is required"],
  ["a bad rate", { a: { ...LIMIT, rate: "5/m" } }, `limits.a.rate: ${RATES}; got "5/m"`],
  [
    "a huge rate",
    { a: { ...LIMIT, rate: "1000001/s" } },
    `limits.a.rate: ${RATES}; got "1000001/s"`,
  ],
  ["no tokens", { a: { ...LIMIT, burst: 0 } }, `limits.a.burst: ${COUNTS}; got 0`],
  ["half a token", { a: { ...LIMIT, burst: 1.5 } }, `limits.a.burst: ${COUNTS}; got 1.5`],
  ["a burst in text", { a: { ...LIMIT, burst: "5" } }, `limits.a.burst: ${COUNTS}; got "5"`],
  [
    "a burst that takes years",
    { a: { rate: "1/d", burst: 400 } },
    "limits.a.burst: must refill within a year; got 400",
  ],
  [
    "an unknown source",
    { a: { ...LIMIT, by: "user" } },
    `limits.a.by: ${SOURCE_LISTS}; got "user"`,
  ],
  [
    "a claim without a name",
    { a: { ...LIMIT, by: ["claim:"] } },
    `limits.a.by.0: ${SOURCES}; got "claim:"`,
  ],
  ["no header", { a: { ...LIMIT, by: "header:" } }, `limits.a.by: ${SOURCE_LISTS}; got "header:"`],
  [
    "a bad wait",
    { a: { ...LIMIT, wait: "1" } },
    'limits.a.wait: must be a duration such as 400ms or 2s; got "1"',
  ],
  ["an empty queue", { a: { ...LIMIT, queue: 0 } }, `limits.a.queue: ${COUNTS}; got 0`],
  [
    "an unknown way to fail",
    { a: { ...LIMIT, onStoreFailure: "shut" } },
    'limits.a.onStoreFailure: must be local, open or closed; got "shut"',
  ],
  [
    "tiers in a list",
    { a: { ...LIMIT, tiers: [] } },
    "limits.a.tiers: must be an object of tiers by name; got []",
  ],
  [
    "half a tier",
    { a: { ...LIMIT, tiers: { pro: { rate: "5/s" } } } },
    "limits.a.tiers.pro.burst: is required",
  ],
  [
    "a tier with a wait",
    { a: { ...LIMIT, tiers: { pro: { ...LIMIT, wait: "1s" } } } },
    "limits.a.tiers.pro.wait: is not a known key; available: rate, burst",
  ],
  [
    "a tier that takes years",
    { a: { ...LIMIT, tiers: { pro: { rate: "1/d", burst: 400 } } } },
    "limits.a.tiers.pro.burst: must refill within a year; got 400",
  ],
  [
    "a flag in text",
    { a: { ...LIMIT, perRoute: "yes" } },
    'limits.a.perRoute: must be true or false; got "yes"',
  ],
  [
    "a refund in text",
    { a: { ...LIMIT, refund: "hit" } },
    'limits.a.refund: must be a list of hit, fault and success; got "hit"',
  ],
  [
    "an unknown refund",
    { a: { ...LIMIT, refund: ["miss"] } },
    'limits.a.refund.0: must be hit, fault or success; got "miss"',
  ],
  [
    "a misspelt key",
    { a: { ...LIMIT, bursts: 5 } },
    'limits.a.bursts: is not a known key; did you mean "burst"?',
  ],
];

for (const [what, limits, message] of LIMITS) {
  Deno.test(`limits: ${what}`, () => {
    assertEquals(problems({ limits }), message);
    assertSchemaRejects({ upstreams: {}, routes: {}, limits }, message);
  });
}

const CLIENTS: [what: string, clients: unknown, message: string][] = [
  ["no object", "kv", 'clients: must be an object; got "kv"'],
  ["no key", { known: "kv" }, "clients.key: is required"],
  ["nobody known", { key: "bearer" }, "clients.known: is required"],
  ["an unknown place", { key: "cookie", known: "kv" }, `clients.key: ${KEYS}; got "cookie"`],
  [
    "a header without a name",
    { key: "header:", known: "kv" },
    `clients.key: ${KEYS}; got "header:"`,
  ],
  [
    "a header that is none",
    { key: "header:a b", known: "kv" },
    `clients.key: ${KEYS}; got "header:a b"`,
  ],
  [
    "clients in another store",
    { key: "bearer", known: "ldap" },
    'clients.known: must be "kv", or an object of clients such as { mobile: { env: "MOBILE_KEY" } }; got "ldap"',
  ],
  [
    "a client that is none",
    { key: "bearer", known: { a: 5 } },
    "clients.known.a: must be an object; got 5",
  ],
  [
    "a client without a key",
    { key: "bearer", known: { a: {} } },
    "clients.known.a.env: is required",
  ],
  [
    "a key that is not set",
    { key: "bearer", known: { a: { env: "NOT_SET" } } },
    "clients.known.a: the environment variable NOT_SET is not set",
  ],
  [
    "a tier that is no text",
    { key: "bearer", known: { a: { env: "A_KEY", tier: 1 } } },
    "clients.known.a.tier: must be a string; got 1",
  ],
  [
    "a misspelt key",
    { key: "bearer", known: { a: { env: "A_KEY", teir: "pro" } } },
    'clients.known.a.teir: is not a known key; did you mean "tier"?',
  ],
  [
    "a flag in text",
    { key: "bearer", known: "kv", required: "yes" },
    'clients.required: must be true or false; got "yes"',
  ],
];

for (const [what, clients, message] of CLIENTS) {
  Deno.test(`clients: ${what}`, () => {
    assertEquals(problems({ clients }), message);
    assertSchemaRejects({ upstreams: {}, routes: {}, clients }, message);
  });
}

const OTHERS: [what: string, config: Record<string, unknown>, message: string][] = [
  [
    "proxies in text",
    { trustedProxies: "10.0.0.0/8" },
    'trustedProxies: must be a list of addresses and ranges; got "10.0.0.0/8"',
  ],
  [
    "a proxy by name",
    { trustedProxies: ["10.0.0.0/8", "localhost"] },
    'trustedProxies.1: must be an address or a range such as 10.0.0.0/8; got "localhost"',
  ],
  [
    "a range that is too long",
    { trustedProxies: ["10.0.0.0/33"] },
    'trustedProxies.0: must be an address or a range such as 10.0.0.0/8; got "10.0.0.0/33"',
  ],
  ["a bad header", { forwardedHeader: "a b" }, 'forwardedHeader: must be a header name; got "a b"'],
  [
    "a misspelt limit",
    { limits: { perClient: LIMIT }, ...route({ limit: "perclint" }) },
    'routes["GET /a"].limit: must be the name of a limit; got "perclint"; did you mean "perClient"?',
  ],
  [
    "no limits at all",
    route({ limit: "one" }),
    'routes["GET /a"].limit: must be the name of a limit; got "one"',
  ],
  [
    "a limit that is no name",
    route({ limit: 5 }),
    `routes["GET /a"].limit: must be the name of a limit, or a list of names; got 5`,
  ],
  [
    "no cost",
    { limits: { one: LIMIT }, ...route({ cost: 0 }) },
    `routes["GET /a"].cost: ${COUNTS}; got 0`,
  ],
  [
    "a cost that never fits",
    { limits: { one: LIMIT }, ...route({ limit: "one", cost: 6 }) },
    'routes["GET /a"].cost: must be at most 5, the burst of one; got 6',
  ],
  [
    "a cost that never fits a tier",
    {
      limits: { one: { ...LIMIT, tiers: { free: { rate: "1/s", burst: 2 } } } },
      ...route({ limit: "one", cost: 3 }),
    },
    'routes["GET /a"].cost: must be at most 2, the burst of one; got 3',
  ],
];

for (const [what, config, message] of OTHERS) {
  Deno.test(`config: ${what}`, () => {
    assertEquals(problems(config), message);
    assertSchemaRejects({ upstreams: {}, routes: {}, ...config }, message);
  });
}

Deno.test("limits: a list with a bad source says which sources there are", () => {
  const message = problems({ limits: { a: { ...LIMIT, by: ["ip", "user"] } } });
  assertEquals(message.includes(SOURCES), true, message);
});

Deno.test("limits: an empty list of sources says which sources there are", () => {
  const message = problems({ limits: { a: { ...LIMIT, by: [] } } });
  assertEquals(message.includes(SOURCES), true, message);
});

Deno.test("a route names each limit once", () => {
  const config = { limits: { one: LIMIT }, ...route({ limit: ["one", "one"] }) };
  assertEquals(problems(config).startsWith('routes["GET /a"].limit: must '), true);
});

Deno.test("no message shows a key", () => {
  const known = { a: { env: "A_KEY", tier: 1 }, b: { env: "B_KEY", nope: true } };
  const message = problems({ clients: { key: "bearer", known } });
  assertEquals(message.includes("key-of-"), false, message);
});

Deno.test("every problem is reported at once", () => {
  const message = problems({
    limits: { a: { rate: "x", burst: 0 }, b: LIMIT },
    clients: { key: "x", known: "kv" },
    trustedProxies: ["x"],
    ...route({ limit: ["a", "c"], cost: 0 }),
  });
  assertEquals(message.split("\n").map((line) => line.split(": ")[0]).sort(), [
    "clients.key",
    "limits.a.burst",
    "limits.a.rate",
    'routes["GET /a"].cost',
    "trustedProxies.0",
  ]);
});

Deno.test("what a limit leaves out has its default", () => {
  const { routes: [found], clients, trust } = read({
    limits: { one: LIMIT },
    ...route({ limit: "one" }),
  });
  const [limit] = found?.limits ?? [];
  assertEquals(limit?.by, ["client", "ip"]);
  assertEquals([limit?.perRoute, limit?.tiers.size, limit?.refund.size], [false, 0, 0]);
  const { waitMs, queue, onStoreFailure } = limit?.allowance ?? {};
  assertEquals([waitMs, queue, onStoreFailure], [0, 100, "local"]);
  assertEquals([found?.cost, clients, trust], [1, undefined, {
    proxies: [],
    header: "x-forwarded-for",
  }]);
});

Deno.test("what a limit says is read", () => {
  const { routes: [found], clients, trust } = read({
    limits: {
      one: {
        rate: "100/min",
        burst: 20,
        by: ["header:X-Tenant", "all"],
        wait: "200ms",
        queue: 7,
        onStoreFailure: "closed",
        tiers: { pro: { rate: "1000/min", burst: 200 } },
        perRoute: true,
        refund: ["hit", "fault"],
      },
    },
    clients: {
      key: "header:X-Api-Key",
      known: { a: { env: "A_KEY", tier: "pro" } },
      required: true,
    },
    trustedProxies: ["127.0.0.1"],
    forwardedHeader: "X-Real-IP",
    ...route({ limit: ["one"], cost: 3 }),
  });
  const [limit] = found?.limits ?? [];
  assertEquals(limit?.by, [{ from: "header", name: "x-tenant" }, "all"]);
  assertEquals(limit?.perRoute, true);
  assertEquals([...limit?.refund ?? []], ["hit", "fault"]);
  assertEquals(limit?.allowance, {
    name: "one",
    shape: { perMs: 1, perToken: 600, capacity: 12_000 },
    waitMs: 200,
    queue: 7,
    onStoreFailure: "closed",
  });
  assertEquals(limit?.tiers.get("pro")?.shape, { perMs: 1, perToken: 60, capacity: 12_000 });
  assertEquals(found?.cost, 3);
  assertEquals(clients, {
    key: { header: "x-api-key" },
    known: [{ name: "a", tier: "pro", key: "key-of-a" }],
    required: true,
  });
  assertEquals([trust.header, trust.proxies.length], ["x-real-ip", 1]);
});

function route(more: Record<string, unknown>) {
  return { routes: { "GET /a": { forward: "api", ...more } } };
}

function read(config: Record<string, unknown>) {
  const env: Record<string, string> = { A_KEY: "key-of-a", B_KEY: "key-of-b" };
  const base = { upstreams: { api: { source: () => Promise.resolve(json({})) } }, ...route({}) };
  return parseConfig({ ...base, ...config }, (name) => env[name]);
}

/** What is wrong with a config, line by line. */
function problems(config: Record<string, unknown>): string {
  return assertThrows(() => read(config), ConfigError).message;
}
