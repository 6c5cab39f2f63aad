import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { TestClock, testGateway } from "sluice/testing";
import { ConfigError } from "../../lib/config/config_error.ts";

const CONFIG = {
  upstreams: {
    users: { url: "https://users.example/v1", timeout: "1s", headers: { key: { env: "KEY" } } },
    orders: { url: "https://orders.example" },
    own: { source: () => Promise.reject(new Error("not asked")) },
  },
  routes: {
    "POST /users/:id": {
      require: "request.path.startsWith('/users')",
      gather: {
        user: { from: "users", method: "PUT", path: "/users/{id}", body: { name: "{body.name}" } },
      },
    },
    "GET /orders": { gather: { orders: { from: "orders", optional: true } } },
    "ANY /v1/*": { forward: "users" },
  },
} as const;

Deno.test("a handler gets the request that the upstream would get", async () => {
  await using gateway = testGateway(CONFIG, {
    env: { KEY: "secret" },
    upstreams: { users: async (request) => Response.json(await request.json()) },
  });
  const response = await gateway.fetch("/users/7", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Ada" }),
  });
  assertEquals(await response.json(), { data: { user: { name: "Ada" } }, complete: true });
  const [call] = gateway.calls.users ?? [];
  assertEquals([call?.method, call?.url, call?.headers.get("key"), await call?.text()], [
    "PUT",
    "https://users.example/v1/users/7",
    "secret",
    '{"name":"Ada"}',
  ]);
});

Deno.test("an upstream without a handler is named, also where its part is optional", async () => {
  await using gateway = testGateway(CONFIG, { env: { KEY: "k" }, upstreams: {} });
  await assertRejects(() => gateway.fetch("/orders"), Error, "the upstream orders was called");
});

Deno.test("a variable that the test does not give is missing, whatever the process has", () => {
  const problem = "upstreams.users.headers.key: the environment variable KEY is not set";
  assertThrows(
    () => testGateway({ ...CONFIG, routes: {} }, { upstreams: {} }),
    ConfigError,
    problem,
  );
});

Deno.test("a handler whose call is abandoned is told so", async () => {
  const left = Promise.withResolvers<void>();
  await using gateway = testGateway(CONFIG, {
    env: { KEY: "k" },
    upstreams: {
      users({ signal }) {
        signal.addEventListener("abort", () => left.resolve(), { once: true });
        return new Promise(() => {});
      },
    },
  });
  const response = gateway.fetch("/v1/users");
  await gateway.clock.advance("1s");
  assertEquals((await response).status, 504);
  await left.promise;
});

Deno.test("the clock wakes sleepers in order, and those whose signal aborts not at all", async () => {
  const clock = new TestClock();
  const woken: string[] = [];
  const sleep = async (time: "3ms" | "2ms" | "1ms", again = 0) => {
    await clock.sleep(time);
    woken.push(`${time} at ${clock.monotonic()}`);
    if (again > 0) await sleep(time, again - 1);
  };
  const sleeping = [sleep("3ms"), sleep("2ms"), sleep("1ms", 1)];
  const left = new AbortController();
  const aborted = assertRejects(() => clock.sleep("1h", left.signal));
  await clock.advance("3ms");
  left.abort();
  await Promise.all([aborted, ...sleeping]);
  assertEquals(woken, ["1ms at 1", "2ms at 2", "1ms at 2", "3ms at 3"]);
  assert(clock.wall() === Date.UTC(2026, 0, 1) + 3);
  assertThrows(() => clock.sleep("1 hour" as never), TypeError);
});
