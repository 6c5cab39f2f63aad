import { assert, assertEquals, assertGreater } from "@std/assert";
import { ConfigError } from "../../lib/config/config_error.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway } from "../support/gateway.ts";
import { Random } from "../support/random.ts";
import { randomRoutes } from "../support/random_routes.ts";

/** How many configs; `SEEDS=1000 deno test …` tries more, `SEED=7` one. */
const RUNS = Number(Deno.env.get("SEEDS") ?? 25);
const ONE = Deno.env.get("SEED");

const FAULTS = ["unreachable", "invalid", { status: 503 }, { status: 404 }, { delay: "1ms" }];

function tryParse(config: unknown) {
  try {
    return parseConfig(config, () => undefined);
  } catch (error) {
    if (error instanceof ConfigError) return undefined; // such as two routes for the same requests
    throw error;
  }
}

Deno.test("rehearse: any route with any fault has a response, and clients notice nothing", async () => {
  let rehearsed = 0;
  const seeds = ONE === undefined ? Array.from({ length: RUNS }, (_, seed) => seed) : [Number(ONE)];
  for (const seed of seeds) {
    const random = new Random(seed);
    let calls = 0;
    const source = () => {
      calls++;
      return Promise.resolve(json({ ids: [1, 2], x: { id: 7 } }));
    };
    const config = randomRoutes(random, { source, breaker: { minCalls: 1, openFor: "1h" } });
    const settings = tryParse(config);
    if (settings === undefined) continue;
    await using gateway = startGateway(config);
    for (const { key, path } of settings.routes) {
      const fault = random.pick(FAULTS);
      const what = `SEED=${seed}: ${key} with ${JSON.stringify(fault)}`;
      calls = 0;
      const response = await fetch(`${gateway.url}/_gateway/rehearse`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          route: key,
          request: {
            path: path.replaceAll(/:\w+|\*/g, () => random.pick(["7", "a%20b"])) +
              random.pick(["", "?lang=is&ids=1&ids=2&page=3"]),
            headers: random.pick([{}, { "x-a": "a header" }, { authorization: "Bearer x" }]),
          },
          faults: { up: fault },
          allowUnsafe: true,
        }),
      });
      const document = await response.json();
      if (response.status !== 200) { // another route serves that path, or it is a batch
        assertEquals(response.status, 400, `${what}: ${document.detail}`);
        continue;
      }
      const { status } = document.response;
      assert(status !== 500, `${what}: ${JSON.stringify(document)}`);
      if (!(typeof fault === "object" && "delay" in fault)) assertEquals(calls, 0, what);
      rehearsed++;
    }
    const { upstreams } = await (await fetch(`${gateway.url}/_gateway/upstreams`)).json();
    for (const { breaker } of upstreams) {
      assertEquals([breaker.state, breaker.calls], ["closed", 0], `SEED=${seed}`);
    }
    const { keys } = await (await fetch(`${gateway.url}/_gateway/cache`)).json();
    assertEquals([keys, gateway.errors], [0, []], `SEED=${seed}`);
  }
  if (ONE === undefined) assertGreater(rehearsed, 50);
});
