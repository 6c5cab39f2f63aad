import { assert, assertEquals } from "@std/assert";
import { parseList } from "structured-headers";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { LimitConfig } from "../../lib/config/limit.ts";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { startUpstream } from "../support/upstream.ts";

const QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded";

Deno.test("a response has the policy and what is left of it", async () => {
  await using gateway = limited({ perClient: { rate: "100/min", burst: 20 } }).gateway;
  const response = await get(gateway, "/a");
  assertEquals(response.status, 200);
  assertEquals(items(response, "ratelimit-policy"), [{ name: "perClient", q: 20, w: 12 }]);
  assertEquals(items(response, "ratelimit"), [{ name: "perClient", r: 19, t: 1 }]);
});

Deno.test("the window of a policy is the burst's time in whole seconds, at least one", async () => {
  const windows: [LimitConfig, number][] = [
    [{ rate: "5000/s", burst: 5 }, 1],
    [{ rate: "7/min", burst: 2 }, 18],
    [{ rate: "1/d", burst: 1 }, 86_400],
  ];
  for (const [limit, w] of windows) {
    await using gateway = limited({ one: limit }).gateway;
    const response = await get(gateway, "/a");
    assertEquals(items(response, "ratelimit-policy"), [{ name: "one", q: limit.burst, w }]);
  }
});

Deno.test("a refusal has an item for each limit, and no t for a full one", async () => {
  const { gateway: started, clock } = limited({
    small: { rate: "1/h", burst: 1 },
    large: { rate: "10/s", burst: 10 },
  });
  await using gateway = started;
  const first = await get(gateway, "/a");
  assertEquals(items(first, "ratelimit"), [
    { name: "small", r: 0, t: 3600 },
    { name: "large", r: 9, t: 1 },
  ]);
  await clock.advance(1_000);
  const second = await get(gateway, "/a");
  assertEquals(second.status, 429);
  assertEquals(items(second, "ratelimit-policy"), items(first, "ratelimit-policy"));
  assertEquals(items(second, "ratelimit"), [
    { name: "small", r: 0, t: 3599 },
    { name: "large", r: 10 },
  ]);
});

Deno.test("a refusal is a problem document that names the limits it breaks", async () => {
  const { gateway: started } = limited({
    strict: { rate: "1/min", burst: 1 },
    lax: { rate: "100/s", burst: 100 },
    daily: { rate: "1/d", burst: 1 },
  });
  await using gateway = started;
  await get(gateway, "/a");
  const response = await get(gateway, "/a");
  assertEquals(response.status, 429);
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals(response.headers.get("retry-after"), "86400");
  const problem = response.body;
  assertEquals(problem.type, QUOTA_EXCEEDED);
  assertEquals(problem.status, 429);
  assertEquals(problem["violated-policies"], ["strict", "daily"]);
  assertEquals(problem.instance, response.headers.get("x-request-id"));
});

Deno.test("a client that waits for Retry-After is admitted, and not much sooner", async () => {
  const limits: LimitConfig[] = [
    { rate: "7/min", burst: 2 },
    { rate: "3/s", burst: 1 },
    { rate: "1000/h", burst: 3 },
    { rate: "1/d", burst: 1 },
  ];
  for (const limit of limits) {
    const { gateway: started, clock } = limited({ one: limit });
    await using gateway = started;
    for (let taken = 0; taken < limit.burst; taken++) await get(gateway, "/a");
    for (let round = 0; round < 5; round++) {
      const denied = await get(gateway, "/a");
      assertEquals(denied.status, 429, `${limit.rate} in round ${round}`);
      const seconds = Number(denied.headers.get("retry-after"));
      assert(Number.isInteger(seconds) && seconds >= 1, `${limit.rate}: ${seconds} s`);
      if (seconds > 1) {
        await clock.advance((seconds - 1) * 1_000);
        assertEquals((await get(gateway, "/a")).status, 429, `${limit.rate}: too long by a second`);
        await clock.advance(1_000);
      } else await clock.advance(1_000);
      assertEquals((await get(gateway, "/a")).status, 200, `${limit.rate}: ${seconds} s`);
      while ((await get(gateway, "/a")).status === 200);
    }
  }
});

Deno.test("a refused request reaches no upstream and takes from none of the limits", async () => {
  await using upstream = startUpstream(() => Response.json({}));
  const clock = new ManualClock();
  await using gateway = startGateway({
    upstreams: { api: { url: upstream.url } },
    limits: { few: { rate: "1/h", burst: 1 }, many: { rate: "1/h", burst: 10 } },
    routes: {
      "GET /both": { limit: ["many", "few"], gather: { a: { from: "api" } } },
      "GET /many": { limit: "many", forward: "api" },
    },
  }, { clock });
  await get(gateway, "/both");
  for (let denied = 0; denied < 5; denied++) {
    assertEquals((await get(gateway, "/both")).status, 429);
  }
  assertEquals(upstream.requests.length, 1);
  assertEquals(leftOf(await get(gateway, "/many")), { many: 8 });
});

Deno.test("requests at once are admitted as often as the burst, never more", async () => {
  const { gateway: started, calls } = limited({ one: { rate: "1/h", burst: 7 } });
  await using gateway = started;
  const answers = await Promise.all(Array.from({ length: 40 }, () => get(gateway, "/a")));
  assertEquals(answers.filter(({ status }) => status === 200).length, 7);
  assertEquals(answers.filter(({ status }) => status === 429).length, 33);
  assertEquals(calls(), 7);
  const left = answers.filter(({ status }) => status === 200).map((answer) => leftOf(answer).one);
  assert(left.every((r) => r !== undefined && r >= 0 && r <= 6), `left: ${left}`);
});

Deno.test("a route takes its cost", async () => {
  await using gateway = startGateway({
    ...config({ one: { rate: "1/h", burst: 10 } }),
    routes: {
      "GET /cheap": { limit: "one", forward: "api" },
      "GET /dear": { limit: "one", cost: 4, forward: "api" },
    },
  }, { clock: new ManualClock() });
  assertEquals(leftOf(await get(gateway, "/dear")), { one: 6 });
  assertEquals(leftOf(await get(gateway, "/dear")), { one: 2 });
  const denied = await get(gateway, "/dear");
  assertEquals([denied.status, leftOf(denied).one], [429, 2]);
  assertEquals(denied.headers.get("retry-after"), "7200");
  assertEquals(leftOf(await get(gateway, "/cheap")), { one: 1 });
});

Deno.test("routes share a bucket, unless the limit is per route", async () => {
  await using gateway = startGateway({
    ...config({
      shared: { rate: "1/h", burst: 10 },
      own: { rate: "1/h", burst: 10, perRoute: true },
    }),
    routes: {
      "GET /a": { limit: ["shared", "own"], forward: "api" },
      "GET /b": { limit: ["shared", "own"], forward: "api" },
    },
  }, { clock: new ManualClock() });
  assertEquals(leftOf(await get(gateway, "/a")), { shared: 9, own: 9 });
  assertEquals(leftOf(await get(gateway, "/b")), { shared: 8, own: 9 });
  assertEquals(leftOf(await get(gateway, "/a")), { shared: 7, own: 8 });
});

Deno.test("the same path under two methods is two routes of a limit per route", async () => {
  await using gateway = startGateway({
    ...config({ own: { rate: "1/h", burst: 1, perRoute: true } }),
    routes: {
      "GET /a": { limit: "own", forward: "api" },
      "POST /a": { limit: "own", forward: "api" },
    },
  }, { clock: new ManualClock() });
  assertEquals((await get(gateway, "/a")).status, 200);
  assertEquals((await get(gateway, "/a", { method: "POST" })).status, 200);
  assertEquals((await get(gateway, "/a", { method: "POST" })).status, 429);
});

Deno.test("HEAD is counted as the GET that it stands for", async () => {
  const { gateway: started } = limited({ one: { rate: "1/h", burst: 2 } });
  await using gateway = started;
  assertEquals(leftOf(await get(gateway, "/a", { method: "HEAD" })), { one: 1 });
  assertEquals(leftOf(await get(gateway, "/a")), { one: 0 });
});

Deno.test("a tier has its own allowance, and no tier that is unknown", async () => {
  const clock = new ManualClock();
  await using gateway = startGateway({
    ...config({
      one: { rate: "1/min", burst: 2, tiers: { pro: { rate: "1000/min", burst: 200 } } },
    }),
    clients: {
      key: "header:x-api-key",
      known: {
        paying: { env: "A", tier: "pro" },
        odd: { env: "B", tier: "gold" },
        plain: { env: "C" },
      },
    },
    routes: { "GET /a": { limit: "one", forward: "api" } },
  }, { clock, env: { A: "key-a", B: "key-b", C: "key-c" } });
  const as = (key: string) => get(gateway, "/a", { headers: { "x-api-key": key } });
  const paying = await as("key-a");
  assertEquals(items(paying, "ratelimit-policy"), [{ name: "one", q: 200, w: 12 }]);
  assertEquals(items(paying, "ratelimit"), [{ name: "one", r: 199, t: 1 }]);
  for (const key of ["key-b", "key-c", "key-nobody"]) {
    const response = await as(key);
    assertEquals(items(response, "ratelimit-policy"), [{ name: "one", q: 2, w: 120 }], key);
    assertEquals(leftOf(response), { one: 1 }, key);
  }
});

Deno.test("a fault is given back, a refusal of the upstream is not", async () => {
  await using upstream = startUpstream(({ url }) =>
    new Response("{}", { status: Number(new URL(url).pathname.slice(1)) })
  );
  await using gateway = startGateway({
    upstreams: { api: { url: upstream.url } },
    limits: {
      kind: { rate: "1/h", burst: 10, refund: ["fault"] },
      strict: { rate: "1/h", burst: 10 },
    },
    routes: {
      "GET /forward/:status": {
        limit: ["kind", "strict"],
        forward: { to: "api", strip: "/forward" },
      },
      "GET /gather/:status": {
        limit: ["kind", "strict"],
        gather: { a: { from: "api", path: "/{status}" } },
      },
    },
  }, { clock: new ManualClock() });
  let [kind, strict] = [10, 10];
  for (const status of [200, 404, 500, 503, 200]) {
    for (const way of ["forward", "gather"]) {
      const response = await get(gateway, `/${way}/${status}`);
      assertEquals(response.status >= 500, status >= 500, `${way}/${status}`);
      assertEquals(leftOf(response), { kind: kind - 1, strict: --strict }, `${way}/${status}`);
      if (status < 500) kind--;
    }
  }
});

Deno.test("an aggregate that is only incomplete is no fault", async () => {
  await using upstream = startUpstream(({ url }) =>
    new Response("{}", { status: url.endsWith("/bad") ? 500 : 200 })
  );
  await using gateway = startGateway({
    upstreams: { api: { url: upstream.url } },
    limits: { one: { rate: "1/h", burst: 2, refund: ["fault"] } },
    routes: {
      "GET /a": {
        limit: "one",
        gather: { good: { from: "api" }, bad: { from: "api", path: "/bad", optional: true } },
      },
    },
  }, { clock: new ManualClock() });
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await get(gateway, "/a")).status);
  assertEquals(statuses, [200, 200, 429]);
});

Deno.test("OPTIONS and preflights are not charged", async () => {
  const { gateway: started } = limited({ one: { rate: "1/h", burst: 1 } }, {
    cors: { origins: ["https://app.example"] },
  });
  await using gateway = started;
  for (let i = 0; i < 3; i++) {
    const options = await get(gateway, "/a", { method: "OPTIONS" });
    assertEquals([options.status, options.headers.get("ratelimit")], [204, null]);
    const preflight = await get(gateway, "/a", {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-method": "GET" },
    });
    assertEquals([preflight.status, preflight.headers.get("ratelimit")], [204, null]);
  }
  assertEquals((await get(gateway, "/a")).status, 200);
});

Deno.test("the gateway's own routes and routes that are not there are not charged", async () => {
  const { gateway: started } = limited({ one: { rate: "1/h", burst: 1, by: "all" } });
  await using gateway = started;
  for (const path of ["/_gateway/health/live", "/_gateway/health/ready", "/nowhere"]) {
    const response = await get(gateway, path);
    assertEquals(response.headers.get("ratelimit-policy"), null, path);
  }
  assertEquals((await get(gateway, "/a", { method: "DELETE" })).status, 405);
  assertEquals((await get(gateway, "/a")).status, 200);
});

Deno.test("a route without a limit has no limit headers", async () => {
  await using gateway = startGateway({
    ...config({ one: { rate: "1/h", burst: 1 } }),
    routes: { "GET /free": { forward: "api" }, "GET /a": { limit: "one", forward: "api" } },
  });
  for (let i = 0; i < 3; i++) {
    const response = await get(gateway, "/free");
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("ratelimit"), null);
    assertEquals(response.headers.get("ratelimit-policy"), null);
  }
});

Deno.test("an upstream's own limit headers do not stand in for the gateway's", async () => {
  await using upstream = startUpstream(() =>
    Response.json({}, {
      headers: { ratelimit: '"theirs";r=1', "ratelimit-policy": '"theirs";q=2' },
    })
  );
  await using gateway = startGateway({
    upstreams: { api: { url: upstream.url } },
    limits: { ours: { rate: "1/h", burst: 5 } },
    routes: { "GET /a": { limit: "ours", forward: "api" } },
  }, { clock: new ManualClock() });
  const response = await get(gateway, "/a");
  assertEquals(items(response, "ratelimit-policy"), [{ name: "ours", q: 5, w: 18_000 }]);
  assertEquals(leftOf(response), { ours: 4 });
});

Deno.test("a page of an allowed origin can read the limit headers, on 200 and on 429", async () => {
  const { gateway: started } = limited({ one: { rate: "1/h", burst: 1 } }, {
    cors: { origins: ["https://app.example"] },
  });
  await using gateway = started;
  for (const status of [200, 429]) {
    const response = await get(gateway, "/a", { headers: { origin: "https://app.example" } });
    assertEquals(response.status, status);
    assertEquals(response.headers.get("access-control-allow-origin"), "https://app.example");
    const exposed = response.headers.get("access-control-expose-headers")?.toLowerCase() ?? "";
    const names = exposed.split(",").map((name) => name.trim());
    for (const name of ["ratelimit", "ratelimit-policy", "retry-after"]) {
      assert(names.includes(name), `${name} is not among ${exposed}`);
    }
  }
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

for (
  const [by, same, other] of [
    ["cookie:s", { headers: { cookie: "a=1; s=7" } }, { headers: { cookie: "a=1; s=8" } }],
    ["query:key", { query: "?key=7&x=1" }, { query: "?key=8&x=1" }],
    ["param:id", { id: "7" }, { id: "8" }],
  ] as const
) {
  Deno.test(`a limit by ${by} has a bucket for each value, and for addresses without one`, async () => {
    const { gateway: started } = limited({ one: { rate: "1/h", burst: 1, by } }, {
      routes: {
        "GET /a/:id": { limit: "one", forward: "api" },
        "GET /b": { limit: "one", forward: "api" },
      },
    });
    await using gateway = started;
    const ask = async (
      { headers = {}, query = "", id = "1" }: {
        headers?: Record<string, string>;
        query?: string;
        id?: string;
      },
    ) => (await get(gateway, `/a/${id}${query}`, { headers })).status;
    assertEquals([await ask(same), await ask(same), await ask(other)], [200, 429, 200]);
    const plain = async () => (await get(gateway, "/b")).status;
    assertEquals([await plain(), await plain()], [200, 429]);
  });
}

Deno.test("refund success: only failures count", async () => {
  let status = 200;
  const { gateway: started } = limited({
    logins: { rate: "1/h", burst: 2, refund: ["success"] },
  }, { upstreams: { api: { source: () => Promise.resolve(json({}, status)) } } });
  await using gateway = started;
  const ask = async (next: number) => {
    status = next;
    return (await get(gateway, "/a")).status;
  };
  for (let count = 0; count < 5; count++) assertEquals(await ask(200), 200);
  assertEquals([await ask(401), await ask(401), await ask(401)], [401, 401, 429]);
});

Deno.test("legacy headers tell of the limit with the fewest tokens left, on a refusal too", async () => {
  const { gateway: started, clock } = limited({
    hourly: { rate: "60/h", burst: 3, legacyHeaders: true },
    daily: { rate: "24/d", burst: 50, legacyHeaders: true },
    hidden: { rate: "1/h", burst: 10 },
  });
  await using gateway = started;
  const legacy = ({ headers }: Answer) =>
    ["limit", "remaining", "reset"].map((name) => headers.get(`x-ratelimit-${name}`));
  const at = (ms: number) => String((clock.wall() + ms) / 1000);
  assertEquals(legacy(await get(gateway, "/a")), ["3", "2", at(60_000)]);
  await get(gateway, "/a");
  assertEquals(legacy(await get(gateway, "/a")), ["3", "0", at(180_000)]);
  const refused = await get(gateway, "/a");
  assertEquals([refused.status, ...legacy(refused)], [429, "3", "0", at(180_000)]);
});

async function get(gateway: TestGateway, path: string, init: RequestInit = {}): Promise<Answer> {
  const { signal = AbortSignal.timeout(5_000) } = init;
  const response = await fetch(gateway.url + path, { ...init, signal });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith("{") ? JSON.parse(text) : {},
  };
}

/** The items of a structured field, each with its parameters. */
function items({ headers }: Answer, field: string): Record<string, unknown>[] {
  return parseList(headers.get(field) ?? "").map(([name, parameters]) => ({
    name,
    ...Object.fromEntries(parameters),
  }));
}

/** What is left of each limit. */
function leftOf(answer: Answer): Record<string, number> {
  return Object.fromEntries(
    items(answer, "ratelimit").map(({ name, r }) => [String(name), Number(r)]),
  );
}

function config(limits: Record<string, LimitConfig>) {
  return { upstreams: { api: { source: () => Promise.resolve(json({})) } }, limits };
}

/** A gateway whose only route, `GET /a`, has all these limits. */
function limited(limits: Record<string, LimitConfig>, more: Partial<GatewayConfig> = {}) {
  let calls = 0;
  const source = () => {
    calls++;
    return Promise.resolve(json({}));
  };
  const clock = new ManualClock();
  const gateway = startGateway({
    upstreams: { api: { source } },
    limits,
    routes: { "GET /a": { limit: Object.keys(limits), forward: "api" } },
    ...more,
  }, { clock });
  return { gateway, clock, calls: () => calls };
}
