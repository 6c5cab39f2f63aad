import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { Hono } from "hono";
import { createGateway, type GatewayLogEntry } from "sluice";
import { ConfigError } from "../../lib/config/config_error.ts";
import { hang, startUpstream } from "../support/upstream.ts";

/** Requests within this process, as a Hono app's own tests make them. */
const HOME = new Request("http://gateway.example/home/7");

function homeOf(url: string) {
  return {
    upstreams: { users: { url } },
    limits: { perClient: { rate: "1/min", burst: 2, by: "ip" } },
    routes: {
      "GET /home/:id": {
        limit: "perClient",
        gather: { user: { from: "users", path: "/users/{id}" } },
      },
    },
  } as const;
}

Deno.test("a gateway within a program responds to requests, without a server", async () => {
  await using upstream = startUpstream(({ url }) => Response.json(new URL(url).pathname));
  await using gateway = createGateway(homeOf(upstream.url));
  await gateway.ready;
  const response = await gateway.fetch(HOME.clone());
  assertEquals(await response.json(), { data: { user: "/users/7" }, complete: true });
});

Deno.test("clients whose address is unknown count as one, and are no operators", async () => {
  await using upstream = startUpstream(() => Response.json(1));
  await using gateway = createGateway({ ...homeOf(upstream.url), trustedProxies: ["0.0.0.0/0"] });
  const statuses: number[] = [];
  for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) {
    const headers = { "x-forwarded-for": address };
    const response = await gateway.fetch(new Request(HOME, { headers }));
    await response.body?.cancel();
    statuses.push(response.status);
  }
  const operator = await gateway.fetch(new Request("http://localhost/_gateway/metrics"));
  await operator.body?.cancel();
  assertEquals([...statuses, operator.status], [200, 200, 429, 401]);
});

Deno.test("gateways within a Hono app know the client's address, and not each other", async () => {
  await using upstream = startUpstream(() => Response.json(1));
  await using one = createGateway(homeOf(upstream.url));
  await using other = createGateway(homeOf(upstream.url));
  const app = new Hono();
  app.get("/", (c) => c.text("the app"));
  app.mount("/one", one.fetch);
  app.mount("/other", other.fetch);
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
  const statusOf = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.addr.port}${path}`);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusOf("/"), 200);
  const used = [];
  for (let i = 0; i < 3; i++) used.push(await statusOf("/one/home/7"));
  assertEquals(used, [200, 200, 429]);
  assertEquals(await statusOf("/other/home/7"), 200);
  assertEquals(await statusOf("/one/_gateway/metrics"), 200);
});

Deno.test("an invalid config is one error with every problem, also with conditions", async () => {
  const invalid = {
    upstreams: { up: { url: "nowhere" } },
    routes: { "GET /": { gather: { a: { from: "op" } } } },
  };
  const error = assertThrows(() => createGateway(invalid as never), ConfigError);
  assertEquals(error.problems.map(({ path }) => path.join(".")), [
    "upstreams.up.url",
    "routes.GET /.gather.a.from",
  ]);
  const route = { ...invalid.routes["GET /"], require: "claims.admin" };
  await using gateway = createGateway({ ...invalid, routes: { "GET /": route } } as never);
  assertInstanceOf(await assertRejects(() => gateway.ready), ConfigError);
  assertInstanceOf(await assertRejects(() => gateway.fetch(HOME.clone())), ConfigError);
});

Deno.test("close ends the requests in flight, then refuses further ones", async () => {
  await using upstream = startUpstream(hang);
  const entries: GatewayLogEntry[] = [];
  const gateway = createGateway(homeOf(upstream.url), { log: (entry) => entries.push(entry) });
  const response = gateway.fetch(HOME.clone());
  await upstream.asked(1);
  const gone = upstream.abandoned();
  await gateway.close(40);
  assertEquals((await response).status, 504);
  await gone;
  await (await response).body?.cancel();
  await gateway.close();
  await assertRejects(() => gateway.fetch(HOME.clone()), Error, "the gateway is closed");
  assert(entries.some((entry) => "status" in entry && entry.status === 504));
});

Deno.test("a store that cannot be opened is reported by each request", async () => {
  await using gateway = createGateway(homeOf("http://127.0.0.1:9"), { store: "/dev/null/no.kv" });
  await assertRejects(() => gateway.fetch(HOME.clone()), Error, "/dev/null/no.kv");
});
