import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  around,
  breaker,
  bulkhead,
  callContext,
  coalesce,
  fromResponse,
  gather,
  getCall,
  hedge,
  retry,
  settle,
  timeout,
} from "sluice/policies";
import { TestClock } from "sluice/testing";
import { ConfigError } from "../../lib/config/config_error.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import type { Source } from "../../lib/core/source.ts";

/** Work that ends when its signal aborts, and says that it did. */
function hanging() {
  const aborted: unknown[] = [];
  const work = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => {
        aborted.push(signal.reason);
        reject(signal.reason);
      }, { once: true });
    });
  return { aborted, work };
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, GatewayError)).kind;
}

Deno.test("timeout: what takes longer is aborted", async () => {
  const clock = new TestClock();
  const { aborted, work } = hanging();
  const late = around(work, timeout("1s", clock))();
  const kind = kindOf(late);
  await clock.advance("1s");
  assertEquals([await kind, aborted.length], ["upstream-timeout", 1]);
});

Deno.test("retry: an error of the function is tried again, and in the end its own", async () => {
  const clock = new TestClock();
  const failed = new RangeError("no luck");
  let calls = 0;
  const flaky = around(() => {
    calls++;
    return Promise.reject(failed);
  }, retry({ attempts: 3 }, clock));
  const error = assertRejects(() => flaky(), RangeError, "no luck");
  await clock.advance("10s");
  await error;
  assertEquals(calls, 3);
});

Deno.test("breaker: after failures it calls no more, until it is time for a probe", async () => {
  const clock = new TestClock();
  let calls = 0;
  let isUp = false;
  const load = around(() => {
    calls++;
    return isUp ? Promise.resolve("there") : Promise.reject(new Error("down"));
  }, breaker({ minCalls: 2, openFor: "10s" }, clock));
  for (let i = 0; i < 2; i++) await assertRejects(() => load(), Error, "down");
  assertEquals(await kindOf(load()), "breaker-open");
  assertEquals(calls, 2);
  isUp = true;
  await clock.advance("10s");
  assertEquals(await load(), "there");
});

Deno.test("bulkhead: so many at once, so many wait, and the next fails", async () => {
  const gate = Promise.withResolvers<string>();
  let running = 0;
  const load = around(() => {
    running++;
    return gate.promise;
  }, bulkhead({ max: 1, queue: 1 }));
  const [first, second] = [load(), load()];
  assertEquals(await kindOf(load()), "overloaded");
  assertEquals(running, 1);
  gate.resolve("done");
  assertEquals(await Promise.all([first, second]), ["done", "done"]);
  assertThrows(() => bulkhead(0), RangeError);
});

Deno.test("hedge: the second call's result, while the first is cancelled", async () => {
  const clock = new TestClock();
  const { aborted, work } = hanging();
  let calls = 0;
  const read = around(
    (signal) => calls++ === 0 ? work(signal) : Promise.resolve("second"),
    hedge({ after: "50ms", share: 1 }, clock),
  );
  const result = read();
  await clock.advance("50ms");
  assertEquals([await result, calls, aborted.length], ["second", 2, 1]);
});

Deno.test("coalesce: equal arguments share a call, others do not", async () => {
  const seen: number[] = [];
  const load = around((_signal, id: number) => {
    seen.push(id);
    return Promise.resolve({ id });
  }, coalesce());
  const [a, b, c] = await Promise.all([load(1), load(1), load(2)]);
  assertEquals([a === b, c.id, seen], [true, 2, [1, 2]]);
});

Deno.test("gather and settle: sources called concurrently, one of them optional", async () => {
  const user: Source = () => Promise.resolve(fromResponse(Response.json("Ada")));
  const news: Source = () => Promise.reject(new GatewayError("upstream-timeout", "late"));
  const home = gather({ user, news }, { optional: ["news"] });
  const reply = await home(getCall("/"), callContext());
  const { data, complete, problems } = JSON.parse(
    new TextDecoder().decode(await reply.body.bytes(4096)),
  );
  assertEquals([data, complete, problems[0].part], [{ user: "Ada", news: null }, false, "news"]);
  await assertRejects(() => gather({ user, news })(getCall("/"), callContext()), GatewayError);

  const parts = [{ name: "user", source: user, call: getCall("/") }];
  const outcomes = await Array.fromAsync(settle(parts, callContext(), { clock: new TestClock() }));
  assertEquals(outcomes.map(({ part, reply }) => `${part} ${reply?.status}`), ["user 200"]);
});

Deno.test("an option with a mistake is one error that says where", () => {
  for (
    const [make, problem] of [
      [() => timeout("soon" as never), "timeout: must be a duration"],
      [() => retry({ attempts: 0 }), "retry.attempts: must be a whole number of at least 1"],
      [() => breaker({ openFor: "x" as never }), "breaker.openFor: must be a duration"],
      [() => hedge({ share: 2 }), "hedge.share: must be"],
    ] as const
  ) {
    assertThrows(make, ConfigError, problem);
  }
});
