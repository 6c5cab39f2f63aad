import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { startServer } from "../support/server.ts";
import { percentile, sendLoad } from "./load.ts";

Deno.test("a load counts what is complete, partial and failed", async () => {
  await using server = startServer((request) => {
    const index = Number(new URL(request.url).pathname.slice(1));
    if (index % 4 === 3) return new Response("no", { status: 503 });
    const isComplete = index % 4 === 0;
    return new Response("{}", { headers: { "gateway-complete": isComplete ? "?1" : "?0" } });
  });
  const load = { url: (index: number) => `${server.url}/${index}`, rate: 400, seconds: 0.1 };
  const { requests, complete, partial, failed, latencies } = await (await sendLoad(load))();
  assertEquals({ requests, complete, partial, failed }, {
    requests: 40,
    complete: 10,
    partial: 20,
    failed: 10,
  });
  assertEquals(latencies.length, 40);
});

Deno.test("a load goes on while responses are late, and its end does not wait for them", async () => {
  const gate = Promise.withResolvers<void>();
  let arrived = 0;
  await using server = startServer(async () => {
    arrived++;
    await gate.promise;
    return new Response("{}");
  });
  const outcomes = await sendLoad({ url: () => server.url, rate: 200, seconds: 0.2 });
  for (let turn = 0; arrived < 40 && turn < 500; turn++) await delay(10);
  assertEquals(arrived, 40);
  gate.resolve();
  const { partial, latencies } = await outcomes();
  assertEquals(partial, 40);
  assert((latencies[0] ?? 0) <= (latencies[39] ?? 0));
});

Deno.test("a percentile is the latency that the share does not exceed", () => {
  const latencies = Array.from({ length: 100 }, (_, index) => index + 1);
  const outcomes = { requests: 100, complete: 100, partial: 0, failed: 0, latencies };
  assertEquals(percentile(outcomes, 0.5), 51);
  assertEquals(percentile(outcomes, 0.99), 100);
  assertEquals(percentile({ ...outcomes, latencies: [] }, 0.99), NaN);
});
