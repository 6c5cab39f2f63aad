import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { wholeTokens } from "../../../lib/limiter/bucket.ts";
import { answer, asking, limit, outcomesOf, QUIET, start, times } from "../../support/limiting.ts";
import { settled } from "../../support/manual_clock.ts";

/** 400 tokens, which take 4 s to come in: a lease may be spent for a second. */
const LARGE = limit({ tokens: 100, burst: 400 });
const TERM_MS = 1_000;

type Started = ReturnType<typeof start>;

/** Takes a hundred at once. Of the 300 that are left, and that need no lowering, half are leased. */
async function lease({ clock, ask }: Started, { of = LARGE, key = "key" } = {}): Promise<void> {
  const asked = times(100, () => ask({ of, key }));
  await clock.advance(10);
  assertEquals(outcomesOf(asked), Array(100).fill("admitted"));
}

async function storedTokens({ clock, store }: Started): Promise<number | undefined> {
  const [stored] = await answer(clock, store.read(["key"]));
  return stored?.level && wholeTokens(stored.level, LARGE.shape);
}

Deno.test("a busy client's requests are admitted at once, mostly without the store", async () => {
  const it = start();
  const wide = limit({ tokens: 2_000, burst: 8_000 });
  const asked: ReturnType<typeof it.ask>[] = [];
  let begun = 0;
  for (let ms = 0; ms < 3_000; ms++) {
    // Until then it might be a burst.
    if (ms === 300) begun = it.store.commits.length;
    asked.push(it.ask({ of: wide }));
    await it.clock.advance(1);
  }
  await it.clock.advance(20);
  assertEquals(new Set(outcomesOf(asked)), new Set(["admitted"]));
  assertLess(it.store.commits.length - begun, 20);
  assertEquals(it.store.reads.length, 0);
});

Deno.test("a burst has the whole bucket: leases take nothing from it", async () => {
  for (const pauseMs of [0, 1]) {
    const it = start();
    const asked = [];
    for (let i = 0; i < 400; i++) {
      asked.push(it.ask({ of: LARGE }));
      await it.clock.advance(pauseMs);
    }
    await it.clock.advance(50);
    assertEquals(new Set(outcomesOf(asked)), new Set(["admitted"]), `one each ${pauseMs} ms`);
  }
});

Deno.test("a single request is leased nothing", async () => {
  const it = start();
  it.ask({ of: LARGE });
  await it.clock.advance(10);
  assertEquals(await storedTokens(it), 399);
  await it.clock.advance(10 * TERM_MS);
  assertEquals([it.store.commits.length, it.clock.sleeping], [1, 0]);
});

Deno.test("a small bucket has no leases", async () => {
  const it = start();
  const small = limit({ tokens: 100, burst: 99 });
  for (let i = 0; i < 20; i++) {
    it.ask({ of: small });
    await it.clock.advance(20);
  }
  assertEquals(it.store.commits.length, 20);
});

Deno.test("unspent tokens are returned once, and not leased again", async () => {
  const it = start();
  await lease(it);
  assertEquals(await storedTokens(it), 150, "half of 300");
  await it.clock.advance(10 * TERM_MS);
  assertEquals([it.store.commits.length, it.clock.sleeping], [2, 0]);
});

Deno.test("close returns all leases before it resolves", async () => {
  const it = start();
  await lease(it);
  let isClosed = false;
  it.limiter.close().then(() => isClosed = true);
  await it.clock.advance(9);
  assertEquals(isClosed, false);
  await it.clock.advance(1);
  assertEquals([isClosed, it.clock.sleeping], [true, 0]);
  assertEquals(await storedTokens(it), 300, "151 by now, and 150 less what came in");

  const asked = it.ask({ of: LARGE });
  await it.clock.advance(10);
  assertEquals([asked.outcome, it.store.commits.length], ["admitted", 3], "no lease any more");
});

Deno.test("close resolves without leases, and without a store", async () => {
  const idle = start();
  await idle.limiter.close();
  assertEquals(idle.store.asked, 0);

  const lost = start();
  await lease(lost);
  lost.store.isLost = true;
  const closed = lost.limiter.close();
  await lost.clock.advance(10);
  await closed;
  assertEquals(lost.clock.sleeping, 0);
});

Deno.test("a request that another limit denies spends nothing of a lease", async () => {
  const it = start();
  await lease(it);
  const few = limit({ name: "few", burst: 1, periodMs: 60_000 });
  const charges = [{ key: "key", limit: LARGE, tokens: 5 }, { key: "few", limit: few, tokens: 1 }];
  const asked = times(3, () => asking(it.limiter, charges, QUIET, Infinity, it.clock));
  await it.clock.advance(50);
  assertEquals(outcomesOf(asked), ["admitted", "denied", "denied"]);

  const last = it.ask({ of: LARGE, tokens: 145 });
  await settled();
  assertEquals(last.outcome, "admitted", "145 are left of 150");
});

Deno.test("leased tokens are returned before a denial: none while there are tokens", async () => {
  const it = start();
  await lease(it);
  const most = it.ask({ of: LARGE, tokens: 298 });
  await it.clock.advance(50);
  assertEquals(most.outcome, "admitted", "150 in the bucket and 150 leased, some ms ago");
});

Deno.test("a large waiting request is not starved by small ones", async () => {
  const it = start();
  const waiting = limit({ tokens: 100, burst: 400, waitMs: 3_000 });
  await lease(it, { of: waiting });
  const large = it.ask({ of: waiting, tokens: 390 });
  const small: ReturnType<typeof it.ask>[] = [];
  while (large.outcome === "none" && it.clock.monotonic() < 5_000) {
    small.push(it.ask({ of: waiting }));
    await it.clock.advance(20);
  }
  assertEquals(large.outcome, "admitted");
  assertLessOrEqual(large.at, 1_200);
});

Deno.test("what is leased is spent while the store is lost, and not for longer", async () => {
  const it = start();
  await lease(it);
  it.store.isLost = true;
  const other = it.ask({ key: "other" });
  await it.clock.advance(20);
  assertEquals(other.outcome, "unavailable");

  const good = times(150, () => it.ask({ of: LARGE }));
  await settled();
  assertEquals(new Set(outcomesOf(good)), new Set(["admitted"]));
  const more = it.ask({ of: LARGE });
  await it.clock.advance(500);
  assertEquals(more.outcome, "unavailable");
});

Deno.test("a lease that ended while the store was lost is not spent", async () => {
  const it = start();
  await lease(it);
  it.store.isLost = true;
  it.ask({ key: "other" });
  await it.clock.advance(TERM_MS);
  const late = it.ask({ of: LARGE });
  await it.clock.advance(500);
  assertEquals(late.outcome, "unavailable");
});

Deno.test("an operator's reset takes effect where tokens are leased, too, after a second", async () => {
  const it = start();
  await lease(it);
  it.ask({ of: LARGE, tokens: 298 });
  await it.clock.advance(50);
  const refused = it.ask({ of: LARGE, tokens: 300 });
  await it.clock.advance(50);
  assertEquals(refused.outcome, "denied");
  const [{ version } = { version: null }] = await answer(it.clock, it.store.read(["key"]));
  const full = { units: LARGE.shape.capacity, at: it.clock.wall() };
  await answer(
    it.clock,
    it.store.commit([{ key: "key", level: full, version, lifetimeMs: 60_000 }]),
  );
  await it.clock.advance(TERM_MS);
  const asked = it.ask({ of: LARGE, tokens: 400 });
  await it.clock.advance(50);
  assertEquals(asked.outcome, "admitted");
});

Deno.test("a refund goes to the lease that was charged, and is spent again", async () => {
  const it = start();
  await lease(it);
  const decision = await it.ask({ of: LARGE, tokens: 100 }).decision;
  assert(decision.outcome === "admitted");
  decision.refund(() => true);
  const again = it.ask({ of: LARGE, tokens: 100 });
  await settled();
  assertEquals([again.outcome, it.store.commits.length], ["admitted", 1]);
});

Deno.test("the level that a client sees includes leased tokens", async () => {
  const it = start();
  await lease(it);
  const decision = await it.ask({ of: LARGE }).decision;
  assert(decision.outcome === "admitted");
  const [{ level } = { level: undefined }] = decision.buckets;
  assertEquals(level && wholeTokens(level, LARGE.shape), 150 + 1 + 149, "1 came in, 1 was taken");
});

Deno.test("the number of leased buckets is bounded", async () => {
  const it = start({ maxBuckets: 8 });
  for (const key of ["a", "b", "c", "d"]) await lease(it, { key });
  const { commits } = it.store;
  const before = commits.length;
  for (const key of ["a", "b", "c", "d"]) it.ask({ of: LARGE, key });
  await it.clock.advance(10);
  assertEquals(commits.slice(before).flat().toSorted(), ["c", "d"], "the others have leases");
});

Deno.test("the leases of a killed process are back by the time the bucket fills", async () => {
  const it = start();
  await lease(it);
  const other = it.newLimiter();
  await it.clock.advance(10);
  const early = it.ask({ of: LARGE, by: other, tokens: 160 });
  await it.clock.advance(100);
  assertEquals(early.outcome, "denied", "what is leased may be being spent");
  await it.clock.advance(4_000);
  const late = it.ask({ of: LARGE, by: other, tokens: 400 });
  await it.clock.advance(100);
  assertEquals(late.outcome, "admitted");
});
