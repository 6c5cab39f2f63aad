import { assertEquals, assertRejects } from "@std/assert";
import { DEFAULTS } from "../../../lib/core/defaults.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { WorkerPool } from "../../../lib/transport/worker_pool.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { until } from "../../support/program.ts";

const { signal } = new AbortController();

/** A pool that ends with its test. */
class TestPool extends WorkerPool implements AsyncDisposable {
  readonly clock: ManualClock;

  constructor(max: number, module = "faulty") {
    const clock = new ManualClock();
    super({
      module: new URL(`../../support/workers/${module}.ts`, import.meta.url),
      heapBytes: DEFAULTS.workerMemory,
      max,
      graceMs: DEFAULTS.workerGraceMs,
      idleMs: DEFAULTS.workerIdleMs,
      clock,
      onError: () => {},
    });
    this.clock = clock;
  }

  async do(what: string, value?: unknown, until: AbortSignal = signal): Promise<unknown> {
    const result = await this.call(JSON.stringify({ do: what, value }), until);
    return JSON.parse(new TextDecoder().decode(result));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    assertEquals(this.clock.sleeping, 0, "no timer is left");
    assertEquals(this.size, 0, "no thread is left");
  }
}

Deno.test("no thread before the first call; calls one after another share one", async () => {
  await using pool = new TestPool(2);
  assertEquals(pool.size, 0);
  assertEquals(await pool.do("count"), 1);
  assertEquals(await pool.do("count"), 2);
  assertEquals(pool.size, 1);
});

Deno.test("a thread ends when it has idled long enough, and not before", async () => {
  await using pool = new TestPool(2);
  await Promise.all([pool.do("count"), pool.do("count")]);
  assertEquals(pool.size, 2);
  await pool.clock.advance(DEFAULTS.workerIdleMs - 1);
  await pool.do("count");
  await pool.clock.advance(1);
  await until(() => pool.size === 1, "the one that did not work has ended");
  await pool.clock.advance(DEFAULTS.workerIdleMs - 2);
  assertEquals(pool.size, 1);
  await pool.clock.advance(1);
  await until(() => pool.size === 0, "the other one has ended");
  assertEquals(await pool.do("count"), 1, "a new one does the next call");
});

Deno.test("1,000 calls at once: each gets its own result, by no more threads than there may be", async () => {
  await using pool = new TestPool(2);
  let most = 0;
  const results = await Promise.all(Array.from({ length: 1_000 }, async (_, index) => {
    const result = await pool.do("echo", index);
    most = Math.max(most, pool.size);
    return result;
  }));
  assertEquals(results, Array.from({ length: 1_000 }, (_, index) => index));
  assertEquals(most, 2);
});

for (const [what, isKept] of [["untilAborted", true], ["hang", false], ["loop", false]] as const) {
  const fate = isKept ? "keeps its thread" : "loses its thread after the grace";
  Deno.test(`at an abort, what does "${what}" ${fate}; the next call waits for that`, async () => {
    await using pool = new TestPool(1);
    await pool.do("count");
    const leaving = new AbortController();
    const left = assertRejects(() => pool.do(what, undefined, leaving.signal), GatewayError);
    await settled();
    leaving.abort();
    const next = pool.do("count");
    if (!isKept) {
      await pool.clock.advance(DEFAULTS.workerGraceMs - 1);
      assertEquals(pool.size, 1);
      assertEquals(await Promise.race([next, settled()]), undefined);
      await pool.clock.advance(1);
    }
    const { kind } = await left;
    assertEquals(kind, isKept ? "upstream-error" : "upstream-unreachable");
    assertEquals(await next, isKept ? 2 : 1);
    assertEquals(await pool.do("isAborted"), false, "each call has its own signal");
    assertEquals(pool.size, 1);
  });
}

Deno.test("who waits for a thread leaves at once when its signal aborts", async () => {
  await using pool = new TestPool(1);
  const working = new AbortController();
  const hanging = pool.do("hang", undefined, working.signal).catch(() => {});
  const leaving = new AbortController();
  const waiting = pool.do("echo", 1, leaving.signal);
  const reason = new GatewayError("cancelled", "left");
  leaving.abort(reason);
  assertEquals(await assertRejects(() => waiting), reason);
  await pool.end();
  await hanging;
});

Deno.test("the end ends work under way; nothing is done afterwards, and nothing left", async () => {
  await using pool = new TestPool(2);
  const results = ["loop", "hang", "echo"].map((what) => pool.do(what));
  const rejected = results.map((result) => assertRejects(() => result, GatewayError));
  await until(() => pool.size === 2, "both threads work");
  await pool.end();
  for (const { kind } of await Promise.all(rejected)) assertEquals(kind, "upstream-unreachable");
  await assertRejects(() => pool.do("echo"), GatewayError);
  assertEquals(pool.size, 0);
});

Deno.test("an end that comes while a thread starts leaves none", async () => {
  await using pool = new TestPool(1);
  const result = pool.do("echo", 1);
  await Promise.all([pool.end(), result.catch(() => {})]);
  await until(() => pool.size === 0, "no thread is left");
});

for (const module of ["not_loading", "no_function"]) {
  Deno.test(`a thread whose module is of no use (${module}) is not kept`, async () => {
    await using pool = new TestPool(1, module);
    await assertRejects(() => pool.do("echo"), GatewayError, "the worker's module cannot be used");
    await until(() => pool.size === 0, "the thread has ended");
  });
}

Deno.test("an ended thread leaves no reference and no timer", async () => {
  await using pool = new TestPool(1);
  await assertRejects(() => pool.do("exit"), GatewayError);
  assertEquals([pool.size, pool.clock.sleeping], [0, 0]);
});
