import { assertEquals } from "@std/assert";
import { startGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until } from "../support/program.ts";
import { hang, startUpstream } from "../support/upstream.ts";
import { Wire } from "../support/wire.ts";

Deno.test("a request that comes while the gateway stops has no more time than the others", async () => {
  const clock = new ManualClock();
  await using upstream = startUpstream(hang);
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "GET /*": { forward: "it" } },
  }, { clock });
  gateway.shutdown.begin(50);
  await clock.advance(40);
  using client = await Wire.connect(gateway.port);
  await client.send("GET /x HTTP/1.1\r\nHost: gateway.example\r\n\r\n");
  await until(() => upstream.requests.length === 1, "it is in flight");
  await clock.advance(10);
  const { status, headers } = await client.answer();
  assertEquals([status, headers.get("connection")], [504, "close"]);
});
