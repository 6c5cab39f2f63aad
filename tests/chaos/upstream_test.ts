import { assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import type { Behaviour } from "./behaviour.ts";
import { Upstreams } from "./upstreams.ts";

const STEADY: Behaviour = { kind: "steady", ms: [1, 1] };

Deno.test("an upstream changes how it behaves, and counts calls", async () => {
  await using upstreams = await Upstreams.start();
  const { up } = await upstreams.tell({ up: STEADY });
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const call = async (giveUpMs = 5_000) => {
    const signal = AbortSignal.timeout(giveUpMs);
    const response = await fetch(`http://127.0.0.1:${up?.port}`, { client, signal });
    await response.bytes();
    return response.status;
  };
  assertEquals(await call(), 200);

  await upstreams.tell({ up: { kind: "failing", status: 429, ms: 1 } });
  assertEquals(await call(), 429);

  await upstreams.tell({ up: { kind: "resetting" } });
  await assertRejects(() => call(), TypeError);

  await upstreams.tell({ up: { kind: "down" } });
  await assertRejects(() => call(), TypeError);

  for (const kind of ["hanging", "half-open"] as const) {
    await upstreams.tell({ up: { kind } });
    await assertRejects(() => call(150), DOMException);
  }

  await upstreams.tell({ up: { kind: "steady", ms: [50, 50] } });
  await delay(20); // for what hung to be seen to have left
  await upstreams.tell();
  assertEquals(await Promise.all([call(), call()]), [200, 200]);
  const counted = await upstreams.tell();
  assertEquals(counted.up?.peak, 2);
  assertEquals((counted.up?.calls ?? 0) >= 7, true);
});
