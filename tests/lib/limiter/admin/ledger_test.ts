import { assert, assertEquals, assertRejects } from "@std/assert";
import { wholeTokens } from "../../../../lib/limiter/bucket.ts";
import { GatewayError } from "../../../../lib/core/errors.ts";
import { Ledger } from "../../../../lib/limiter/admin/ledger.ts";
import { limit, start, times } from "../../../support/limiting.ts";

/** Five tokens, one a minute. */
const SLOW = limit({ periodMs: 60_000 });
const CHARGE = { key: "key", limit: SLOW, tokens: 1 };

function begin() {
  const it = start();
  const errors: unknown[] = [];
  const ledger = new Ledger({
    store: it.store,
    clock: it.clock,
    random: () => 0.5,
    forget: (keys) => it.limiter.forget(keys),
    leasedTokens: (key) => it.limiter.leasedTokens(key),
    onError: (error) => errors.push(error),
  });
  const told = async <T>(answer: Promise<T>): Promise<T> => {
    answer.catch(() => {});
    await it.clock.advance(100);
    return await answer;
  };
  return { ...it, ledger, errors, told };
}

Deno.test("a bucket is shown as it is now, and one without a record as full", async () => {
  const { clock, ask, ledger, told } = begin();
  ask({ tokens: 4, of: SLOW });
  await clock.advance(10);
  await clock.advance(60_000);
  const entries = await told(ledger.read([CHARGE, { ...CHARGE, key: "other" }]));
  assertEquals(
    entries.map(({ level, isStored }) => [wholeTokens(level, SLOW.shape), isStored]),
    [[2, true], [5, false]],
  );
});

Deno.test("a reset takes effect at once here, also for waiting requests, and soon elsewhere", async () => {
  const { clock, ask, ledger, told, newLimiter } = begin();
  const waiting = { ...SLOW, waitMs: 120_000 };
  const other = newLimiter();
  ask({ tokens: 5, of: SLOW });
  await clock.advance(10);
  const there = ask({ of: SLOW, by: other });
  const waits = ask({ of: waiting });
  await clock.advance(100);
  assertEquals([there.outcome, waits.outcome], ["denied", "none"]);

  assertEquals(await told(ledger.reset([CHARGE, { ...CHARGE, key: "other" }])), 1);
  assertEquals(waits.outcome, "admitted");
  const here = ask({ of: SLOW });
  await clock.advance(900);
  const elsewhere = ask({ of: SLOW, by: other });
  await clock.advance(100);
  assertEquals([here.outcome, elsewhere.outcome], ["admitted", "admitted"]);
});

for (const by of ["this process", "another"] as const) {
  Deno.test(`a reset waits for what ${by} has leased: it starts with a burst, and no more`, async () => {
    const { clock, ask, ledger, newLimiter, limiter } = begin();
    const large = limit({ tokens: 100, burst: 400 });
    const other = by === "another" ? newLimiter() : limiter;
    times(120, () => ask({ of: large, by: other }));
    await clock.advance(10);
    let isReset = false;
    const reset = ledger.reset([{ key: "key", limit: large, tokens: 1 }]);
    reset.then(() => isReset = true);
    // Who asks meanwhile spends the lease, and then has what is there, and no other lease of it.
    const meanwhile = async (ms: number) => {
      const asked = [];
      for (let passed = 0; passed < ms; passed += 50) {
        asked.push(ask({ of: large, by: other, tokens: 10 }));
        await clock.advance(50);
      }
      return asked;
    };
    const before = await meanwhile(900);
    assertEquals(isReset, false);
    before.push(...await meanwhile(250));
    assertEquals([isReset, await reset], [true, 1]);
    assert(before.every(({ outcome }) => outcome === "admitted"));
    const asked = [limiter, other].flatMap((by) => times(500, () => ask({ of: large, by })));
    await clock.advance(20);
    const admitted = asked.filter(({ outcome }) => outcome === "admitted").length;
    assert(admitted <= 400 + 12 && admitted > 350, `${admitted}`);
  });
}

Deno.test("what was taken before a reset is not refunded after it, however late", async () => {
  const { clock, ask, ledger, told, newLimiter, limiter } = begin();
  const both = [limiter, newLimiter()];
  const taken = both.map((by) => ask({ tokens: 2, of: SLOW, by }));
  await clock.advance(100);
  await told(ledger.reset([CHARGE]));
  // By now the record of a bucket that is merely full would be gone.
  await clock.advance(10_000);
  const burst = ask({ tokens: 5, of: SLOW });
  await clock.advance(100);
  assertEquals(burst.outcome, "admitted");
  for (const { decision } of taken) {
    const decided = await decision;
    assert(decided.outcome === "admitted");
    decided.refund(() => true);
  }
  // Denied without asking for a second; then they ask.
  await clock.advance(1_100);
  const more = both.map((by) => ask({ of: SLOW, by }));
  await clock.advance(200);
  assertEquals(more.map(({ outcome }) => outcome), ["denied", "denied"]);
});

Deno.test("a bucket is reset while others take from it", async () => {
  const { clock, store, ask, ledger, told } = begin();
  ask({ tokens: 5, of: SLOW });
  await clock.advance(10);
  store.conflicts = 3;
  assertEquals(await told(ledger.reset([CHARGE])), 1);
  const asked = ask({ tokens: 5, of: SLOW });
  await clock.advance(100);
  assertEquals(asked.outcome, "admitted");
});

Deno.test("the operator sees that the store is unavailable", async () => {
  const { store, ledger, told, errors } = begin();
  store.isLost = true;
  const asks: (() => Promise<unknown>)[] = [
    () => ledger.read([CHARGE]),
    () => ledger.reset([CHARGE]),
  ];
  for (const ask of asks) {
    const error = await assertRejects(() => told(ask()), GatewayError);
    assertEquals([error.kind, error.headers], ["limiter-unavailable", { "retry-after": "1" }]);
  }
  assertEquals(errors.length, 2);
});

Deno.test("leased tokens are shown beside the stored level", async () => {
  const { clock, ask, ledger, told } = begin();
  const large = limit({ tokens: 100, burst: 400 });
  times(100, () => ask({ of: large }));
  await clock.advance(10);
  ask({ of: large, tokens: 10 });
  const [entry] = await told(ledger.read([{ key: "key", limit: large, tokens: 1 }]));
  assertEquals(entry?.leased, 140, "10 were spent of the half of 300");
});
