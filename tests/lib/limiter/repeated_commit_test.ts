import { assertEquals } from "@std/assert";
import { wholeTokens } from "../../../lib/limiter/bucket.ts";
import { Limiter } from "../../../lib/limiter/limiter.ts";
import type { BucketWrite } from "../../../lib/limiter/stores/bucket_store.ts";
import { asking, limit, QUIET, WatchedStore } from "../../support/limiting.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** When the store's client sends a commit again. */
const REPEATS_AFTER_MS = 200;
/** Too small to lease of; none come in while a test lasts. */
const LIMIT = limit({ tokens: 1, periodMs: 86_400_000, burst: 90 });

/** A store of which the client sends commits again, so that they meet what they wrote. */
class RepeatingStore extends WatchedStore {
  readonly repeatsAfterMs = REPEATS_AFTER_MS;
  /** How long the next commit's refusal takes, though it is written; undefined for no refusal. */
  refusesAfterMs: number | undefined;
  isWritten = true;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    super(clock);
    this.#clock = clock;
  }

  override async commit(writes: readonly BucketWrite[]) {
    const ms = this.refusesAfterMs;
    this.refusesAfterMs = undefined;
    const version = ms === undefined || this.isWritten ? await super.commit(writes) : undefined;
    if (ms === undefined) return version;
    await this.#clock.sleep(ms - 10);
    return undefined;
  }
}

/** Takes 40 twice, gives the first back, then takes one with a commit that is refused so late. */
async function refusedAfter(ms: number, isWritten: boolean): Promise<number | undefined> {
  const clock = new ManualClock();
  const store = new RepeatingStore(clock);
  const limiter = new Limiter({ store, clock, random: () => 0, maxBuckets: 100 });
  const take = async (tokens: number, waitMs = 10) => {
    const charge = { key: "key", limit: LIMIT, tokens };
    const asked = asking(limiter, [charge], QUIET, Infinity, clock);
    await clock.advance(waitMs);
    assertEquals(asked.outcome, "admitted");
    return await asked.decision;
  };
  const first = await take(40);
  await take(40);
  if (first.outcome === "admitted") first.refund(() => true);
  store.refusesAfterMs = ms;
  store.isWritten = isWritten;
  await take(1, ms + 100);
  const read = store.read(["key"]);
  await clock.advance(10);
  const [stored] = await read;
  return stored?.level && wholeTokens(stored.level, LIMIT.shape);
}

Deno.test("refunds of a commit that may have been sent twice are not added again", async () => {
  assertEquals(await refusedAfter(REPEATS_AFTER_MS, true), 48, "49 but for the token taken twice");
});

Deno.test("refunds of a commit that conflicted are added with the next", async () => {
  assertEquals(await refusedAfter(REPEATS_AFTER_MS - 10, false), 49);
});
