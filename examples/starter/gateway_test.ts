import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { testGateway } from "sluice/testing";
import config from "./gateway.config.ts";

// An upstream that is a URL gets a handler here: upstreams: { users: () => Response.json({ … }) }.
const upstreams = {};

Deno.test("home has a user and orders", async () => {
  await using gateway = testGateway(config, { upstreams });
  const response = await gateway.fetch("/home/7");
  deepStrictEqual(await response.json(), {
    data: { user: { id: "7", name: "Ada" }, orders: [{ id: 1, item: "lamp" }] },
    complete: true,
  });
});

Deno.test("a client has 20 requests at once", async () => {
  await using gateway = testGateway(config, { upstreams });
  for (let i = 0; i < 20; i++) strictEqual((await gateway.fetch("/home/7")).status, 200);
  strictEqual((await gateway.fetch("/home/7")).status, 429);
  await gateway.clock.advance("1s");
  strictEqual((await gateway.fetch("/home/7")).status, 200);
});
