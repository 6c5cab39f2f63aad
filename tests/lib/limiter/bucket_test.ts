import { assert, assertEquals, assertGreaterOrEqual, assertThrows } from "@std/assert";
import {
  type BucketLevel,
  type BucketShape,
  bucketShape,
  fullBucket,
  msUntil,
  msUntilFull,
  refill,
  refund,
  take,
  wholeTokens,
} from "../../../lib/limiter/bucket.ts";
import { property, type Random } from "../../support/random.ts";

const RUNS = Number(Deno.env.get("SEEDS") ?? 2_000);
const NOW = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 86_400_000;

/** Five tokens, one a second: 1 unit a millisecond, 1000 a token. */
const PLAIN = bucketShape(1, 1_000, 5);

Deno.test("a rate is reduced, so that a token and a millisecond are whole numbers of units", () => {
  assertEquals(bucketShape(5, 1_000, 2), { perMs: 1, perToken: 200, capacity: 400 });
  assertEquals(bucketShape(3, 1_000, 2), { perMs: 3, perToken: 1_000, capacity: 2_000 });
  assertEquals(bucketShape(1, 86_400_000, 1), {
    perMs: 1,
    perToken: 86_400_000,
    capacity: 86_400_000,
  });
  assertEquals(bucketShape(1_000_000, 1_000, 7), { perMs: 1_000, perToken: 1, capacity: 7 });
});

Deno.test("a burst that takes more than a year to fill is an error", () => {
  assertEquals(bucketShape(1, 86_400_000, 366).capacity, 366 * 86_400_000);
  assertThrows(() => bucketShape(1, 86_400_000, 368), RangeError);
  assertThrows(() => bucketShape(1, 1_000, Number.MAX_SAFE_INTEGER), RangeError);
});

Deno.test("an unused bucket is full", () => {
  assertEquals(fullBucket(PLAIN, NOW), { units: 5_000, at: NOW });
  assertEquals(wholeTokens(fullBucket(PLAIN, NOW), PLAIN), 5);
  assertEquals(msUntilFull(fullBucket(PLAIN, NOW), PLAIN), 0);
});

Deno.test("taking more than there is takes nothing", () => {
  assertEquals(take({ units: 2_999, at: NOW }, PLAIN, 3), undefined);
  assertEquals(take({ units: 3_000, at: NOW }, PLAIN, 3), { units: 0, at: NOW });
});

Deno.test("a bucket never holds more than its burst", () => {
  assertEquals(refill({ units: 4_999, at: NOW }, PLAIN, NOW + 5, 0), {
    units: 5_000,
    at: NOW + 5,
  });
  assertEquals(refill({ units: 0, at: 0 }, PLAIN, NOW, 0), { units: 5_000, at: NOW });
});

Deno.test("a clock that is a little behind neither mints nor rewinds", () => {
  assertEquals(refill({ units: 10, at: NOW }, PLAIN, NOW - 400, 500), { units: 10, at: NOW });
});

Deno.test("a level from further in the future than clocks differ is pulled back", () => {
  const stepped = refill({ units: 10, at: NOW + YEAR_MS }, PLAIN, NOW, 500);
  assertEquals(stepped, { units: 10, at: NOW + 500 });
  assertEquals(refill(stepped, PLAIN, NOW + 1_500, 500), { units: 1_010, at: NOW + 1_500 });
});

Deno.test("an immediate refund is whole", () => {
  assertEquals(refund({ units: 0, at: NOW }, PLAIN, 2, 0), { units: 2_000, at: NOW });
});

Deno.test("a late refund is reduced by the refill since", () => {
  assertEquals(refund({ units: 500, at: NOW }, PLAIN, 2, 500), { units: 2_000, at: NOW });
  assertEquals(refund({ units: 500, at: NOW }, PLAIN, 2, 1_999).units, 501);
  assertEquals(refund({ units: 500, at: NOW }, PLAIN, 2, 2_000).units, 500);
  assertEquals(refund({ units: 500, at: NOW }, PLAIN, 2, YEAR_MS).units, 500);
});

Deno.test("a refund does not overfill the bucket", () => {
  assertEquals(refund({ units: 4_500, at: NOW }, PLAIN, 2, 0).units, 5_000);
});

Deno.test("a negative age reduces no refund, and adds no more than was taken", () => {
  assertEquals(refund({ units: 0, at: NOW }, PLAIN, 2, -5).units, 2_000);
});

property("levels are the model's, to the unit", RUNS, (random) => {
  const { shape, rate } = anyShape(random);
  const model = new Model(rate);
  let level = fullBucket(shape, NOW);
  for (let step = 0; step < 30; step++) {
    const now = level.at + anyTime(random, shape);
    level = refill(level, shape, now, 0);
    model.passTo(now);
    same(level, model, shape);
    const tokens = random.int(1, rate.burst);
    const wait = msUntil(level, shape, tokens);
    assertEquals(BigInt(wait), model.msUntil(tokens), "how long until they are there");
    const rest = take(level, shape, tokens);
    assertEquals(rest !== undefined, model.take(tokens), "whether they are there");
    assertEquals(rest !== undefined, wait === 0);
    level = rest ?? level;
    if (random.bool(0.3)) {
      const age = anyTime(random, shape);
      level = refund(level, shape, tokens, age);
      model.giveBack(tokens, age);
    }
    same(level, model, shape);
  }
});

property("filling in any split of the time is filling at once", RUNS, (random) => {
  const { shape } = anyShape(random);
  const start = { units: random.int(0, shape.capacity), at: NOW };
  const total = anyTime(random, shape);
  const stops = random.list(0, 5, () => NOW + random.int(0, total)).sort((a, b) => a - b);
  let level: BucketLevel = start;
  for (const stop of [...stops, NOW + total]) level = refill(level, shape, stop, 0);
  assertEquals(level, refill(start, shape, NOW + total, 0));
});

property("msUntil is the first millisecond that is enough", RUNS, (random) => {
  const { shape, rate } = anyShape(random);
  const level = { units: random.int(0, shape.capacity), at: NOW };
  const tokens = random.int(1, rate.burst);
  const wait = msUntil(level, shape, tokens);
  assert(take(refill(level, shape, NOW + wait, 0), shape, tokens), "the wait is enough");
  if (wait === 0) return;
  const tooSoon = refill(level, shape, NOW + wait - 1, 0);
  assertEquals(take(tooSoon, shape, tokens), undefined, "a millisecond less is not");
});

property("msUntilFull is the first millisecond at which it is full", RUNS, (random) => {
  const { shape } = anyShape(random);
  const level = { units: random.int(0, shape.capacity), at: NOW };
  const wait = msUntilFull(level, shape);
  assertEquals(refill(level, shape, NOW + wait, 0).units, shape.capacity);
  if (wait > 0) assert(refill(level, shape, NOW + wait - 1, 0).units < shape.capacity);
});

property("clocks that differ and steps of the clock mint nothing", RUNS, (random) => {
  const { shape } = anyShape(random);
  const skewMs = random.pick([0, 1, 500]);
  const now = NOW + random.int(-YEAR_MS, YEAR_MS);
  const level = { units: random.int(0, shape.capacity), at: NOW };
  const after = refill(level, shape, now, skewMs);
  if (now <= NOW) {
    assertEquals(after, { units: level.units, at: Math.min(NOW, now + skewMs) });
  } else {
    assertGreaterOrEqual(after.units, level.units);
    assertEquals(after.at, now);
  }
});

property("a return never lifts a level above what it was without the take", RUNS, (random) => {
  const { shape, rate } = anyShape(random);
  const tokens = random.int(1, rate.burst);
  const level = {
    units: random.int(tokens * shape.perToken, shape.capacity),
    at: NOW,
  };
  const age = anyTime(random, shape);
  const taken = take(level, shape, tokens);
  assert(taken);
  const returned = refund(refill(taken, shape, NOW + age, 0), shape, tokens, age);
  const untouched = refill(level, shape, NOW + age, 0);
  assertGreaterOrEqual(untouched.units, returned.units);
});

interface AnyRate {
  readonly tokens: number;
  readonly periodMs: number;
  readonly burst: number;
}

/** Any rate from one a day to a million a second, and any burst that it may have. */
function anyShape(random: Random): { shape: BucketShape; rate: AnyRate } {
  while (true) {
    const periodMs = random.pick([1_000, 60_000, 3_600_000, 86_400_000]);
    const tokens = scaled(random, 1_000 * periodMs);
    const rate = { tokens, periodMs, burst: scaled(random, 10_000_000) };
    try {
      return { shape: bucketShape(tokens, periodMs, rate.burst), rate };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
}

/** A time that matters to that bucket: none, a moment, about as long as it fills, or for ever. */
function anyTime(random: Random, shape: BucketShape): number {
  const fill = Math.ceil(shape.capacity / shape.perMs);
  return random.pick([
    0,
    1,
    random.int(0, 1_000),
    random.int(0, fill),
    fill + random.int(-1, 1),
    YEAR_MS,
  ]);
}

/** A number from 1 to `most`, of any size as likely as of any other. */
function scaled(random: Random, most: number): number {
  return Math.min(most, random.int(1, 10 ** random.int(0, Math.ceil(Math.log10(most)))));
}

function same(level: BucketLevel, model: Model, { perToken, capacity }: BucketShape): void {
  assert(Number.isSafeInteger(level.units) && Number.isSafeInteger(level.at), "whole numbers");
  assert(level.units >= 0 && level.units <= capacity, "from 0 to the capacity");
  assertEquals(BigInt(level.units) * model.scale, model.level * BigInt(perToken), "the level");
  assertEquals(wholeTokens(level, { perMs: 1, perToken, capacity }), Number(model.whole));
}

/** The same bucket in fractions of a token, as big as they become. */
class Model {
  /** Parts that a token has: `scale` of them. */
  readonly scale: bigint;
  readonly #perMs: bigint;
  readonly #full: bigint;
  #at = BigInt(NOW);
  level: bigint;

  constructor({ tokens, periodMs, burst }: AnyRate) {
    this.scale = BigInt(periodMs);
    this.#perMs = BigInt(tokens);
    this.#full = BigInt(burst) * this.scale;
    this.level = this.#full;
  }

  get whole(): bigint {
    return this.level / this.scale;
  }

  passTo(now: number): void {
    this.#add((BigInt(now) - this.#at) * this.#perMs);
    this.#at = BigInt(now);
  }

  take(tokens: number): boolean {
    const worth = BigInt(tokens) * this.scale;
    if (worth > this.level) return false;
    this.level -= worth;
    return true;
  }

  giveBack(tokens: number, ageMs: number): void {
    const left = BigInt(tokens) * this.scale - BigInt(ageMs) * this.#perMs;
    if (left > 0n) this.#add(left);
  }

  msUntil(tokens: number): bigint {
    const missing = BigInt(tokens) * this.scale - this.level;
    return missing <= 0n ? 0n : (missing + this.#perMs - 1n) / this.#perMs;
  }

  #add(parts: bigint): void {
    const level = this.level + parts;
    this.level = level > this.#full ? this.#full : level;
  }
}
