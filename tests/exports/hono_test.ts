import { assert, assertEquals, assertThrows } from "@std/assert";
import { Hono, type MiddlewareHandler } from "hono";
import { rateLimiter } from "hono-rate-limiter";
import { createGateway, json } from "sluice";
import { rateLimit, type RateLimitOptions } from "sluice/hono";
import { TestClock } from "sluice/testing";
import { ConfigError } from "../../lib/config/config_error.ts";

function appWith(limit: MiddlewareHandler, respond = () => new Response("hello")): Hono {
  const app = new Hono();
  app.use(limit);
  app.get("/", respond);
  return app;
}

/** What `Deno.serve` passes to an app for a connection. */
function connection(hostname: string) {
  return { remoteAddr: { hostname } };
}

async function statusesOf(app: Hono, requests: number, init: RequestInit = {}): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < requests; i++) {
    const response = await app.request("/", init, connection("192.0.2.1"));
    await response.body?.cancel();
    statuses.push(response.status);
  }
  return statuses;
}

Deno.test("rateLimit: a burst, then its rate, by address, as each response says", async () => {
  const clock = new TestClock();
  await using limit = rateLimit({ rate: "1/s", burst: 2, legacyHeaders: true, clock });
  const app = appWith(limit);
  const ask = (address: string) => app.request("/", {}, connection(address));
  const first = await ask("192.0.2.1");
  assertEquals(await first.text(), "hello");
  assertEquals(
    ["ratelimit-policy", "ratelimit", "x-ratelimit-remaining"].map((name) =>
      first.headers.get(name)
    ),
    ['"default";q=2;w=2', '"default";r=1;t=1', "1"],
  );
  assertEquals(await statusesOf(app, 2), [200, 429]);
  const denied = await ask("192.0.2.1");
  assertEquals([denied.headers.get("retry-after"), denied.headers.get("content-type")], [
    "1",
    "application/problem+json",
  ]);
  const { status, "violated-policies": violated } = await denied.json();
  assertEquals([status, violated], [429, ["default"]]);
  assertEquals((await ask("192.0.2.2")).status, 200);
  await clock.advance("1s");
  assertEquals(await statusesOf(app, 2), [200, 429]);
});

const KEYS:
  readonly (readonly [by: RateLimitOptions["by"], one: RequestInit, other: RequestInit])[] = [
    ["header:x-team", { headers: { "x-team": "a" } }, { headers: { "x-team": "b" } }],
    ["cookie:sid", { headers: { cookie: "sid=a" } }, { headers: { cookie: "sid=b" } }],
    [
      (c) => c.req.header("authorization"),
      { headers: { authorization: "a" } },
      { headers: { authorization: "b" } },
    ],
  ];
for (const [by, one, other] of KEYS) {
  Deno.test(`rateLimit: counts by ${by}, and by the address without one`, async () => {
    await using limit = rateLimit({ rate: "1/h", burst: 1, by: by ?? "ip" });
    const app = appWith(limit);
    for (const init of [one, other, {}]) assertEquals(await statusesOf(app, 2, init), [200, 429]);
  });
}

Deno.test("rateLimit: cost, skip, refunds and a response of one's own", async () => {
  await using limit = rateLimit({
    rate: "1/h",
    burst: 4,
    clock: new TestClock(),
    cost: (c) => Number(c.req.header("x-cost") ?? 1),
    skip: (c) => c.req.header("x-internal") === "1",
    refund: ["fault"],
    onDenied: (c, { limit, retryAfterSeconds }) => c.text(`${limit} ${retryAfterSeconds}`, 503),
  });
  let status = 200;
  const app = appWith(limit, () => new Response("hello", { status }));
  assertEquals(await statusesOf(app, 1, { headers: { "x-cost": "3" } }), [200]);
  assertEquals(await statusesOf(app, 2, { headers: { "x-internal": "1" } }), [200, 200]);
  status = 500;
  assertEquals(await statusesOf(app, 2), [500, 500]);
  status = 200;
  assertEquals(await statusesOf(app, 1), [200]);
  const denied = await app.request("/", {}, connection("192.0.2.1"));
  assertEquals([denied.status, await denied.text(), denied.headers.get("retry-after")], [
    503,
    "default 3600",
    "3600",
  ]);
});

Deno.test("rateLimit: X-Forwarded-For is believed of trusted proxies alone", async () => {
  await using limit = rateLimit({ rate: "1/h", burst: 1, trustedProxies: ["192.0.2.1"] });
  const app = appWith(limit);
  const from = (client: string) => ({ headers: { "x-forwarded-for": client } });
  assertEquals(await statusesOf(app, 2, from("198.51.100.1")), [200, 429]);
  assertEquals(await statusesOf(app, 2, from("198.51.100.2")), [200, 429]);
  await using direct = rateLimit({ rate: "1/h", burst: 1 });
  const open = appWith(direct);
  assertEquals(await statusesOf(open, 1, from("198.51.100.1")), [200]);
  assertEquals(await statusesOf(open, 1, from("198.51.100.2")), [429]);
});

Deno.test("rateLimit: options with mistakes are one error with all of them", () => {
  const options = { rate: "often", burst: 0, trustedProxies: ["nowhere"] };
  const error = assertThrows(() => rateLimit(options as never), ConfigError);
  assertEquals(error.problems.map(({ path }) => path.join(".")), [
    "rateLimit.rate",
    "rateLimit.burst",
    "rateLimit.trustedProxies.0",
  ]);
});

Deno.test({
  name:
    "rateLimit: what has changed over from hono-rate-limiter limits as before, in all processes",
  // The other's store in memory never stops its timer.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const keyGenerator = () => "one";
  const old = () => appWith(rateLimiter({ windowMs: 60_000, limit: 5, keyGenerator }));
  using kv = await Deno.openKv(":memory:");
  await using one = rateLimit({ rate: "5/min", burst: 5, by: keyGenerator, store: kv });
  await using other = rateLimit({ rate: "5/min", burst: 5, by: keyGenerator, store: kv });
  const [app, process] = [appWith(one), appWith(other)];
  const expected = [200, 200, 200, 200, 200, 429, 429];
  assertEquals(await statusesOf(old(), 7), expected);
  assertEquals(await statusesOf(app, 7), expected);
  // Another process: theirs begins anew, ours is the same limit.
  assertEquals((await statusesOf(old(), 1))[0], 200);
  assertEquals(await statusesOf(process, 1), [429]);
});

Deno.test("an app of someone else's limits requests, and mounts a gateway", async () => {
  await using limit = rateLimit({ rate: "100/min", burst: 3 });
  await using gateway = createGateway({
    upstreams: { users: { source: () => Promise.resolve(json("Ada")) } },
    routes: { "GET /home": { gather: { user: { from: "users" } } } },
  });
  const app = new Hono();
  app.use(limit);
  app.get("/", (c) => c.text("the app"));
  app.mount("/api", gateway.fetch);
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
  const url = `http://127.0.0.1:${server.addr.port}`;
  assertEquals(await (await fetch(url)).text(), "the app");
  const response = await fetch(`${url}/api/home`);
  assertEquals(await response.json(), { data: { user: "Ada" }, complete: true });
  assert(response.headers.get("ratelimit")?.startsWith('"default";r=1;'));
  const statuses = [];
  for (let i = 0; i < 2; i++) {
    const { status, body } = await fetch(url);
    await body?.cancel();
    statuses.push(status);
  }
  assertEquals(statuses, [200, 429]);
});
