import type {
  BucketStore,
  BucketWrite,
  StoredBucket,
} from "../../lib/limiter/stores/bucket_store.ts";
import type { Random } from "../../tests/support/random.ts";
import { fraction } from "./fraction.ts";
import type { Scenario } from "./scenario.ts";
import type { SharedStore } from "./shared_store.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** The store as one process sees it: with latency and failures. */
export class DistantStore implements BucketStore {
  readonly maxWrites: number;
  readonly concurrency: number;
  readonly skewMs: number;
  readonly #store: SharedStore;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #scenario: Scenario;
  /** By key: when the commit with the latest reply was sent, and when that reply arrived. */
  readonly #replied = new Map<string, number>();
  #repliedAt = -1;

  constructor(store: SharedStore, clock: VirtualClock, random: Random, scenario: Scenario) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#scenario = scenario;
    ({ maxWrites: this.maxWrites, concurrency: this.concurrency, skewMs: this.skewMs } = scenario);
  }

  read(keys: readonly string[]): Promise<StoredBucket[]> {
    return this.#call(() => this.#store.read(keys));
  }

  async commit(writes: readonly BucketWrite[]): Promise<string | undefined> {
    const sentAt = this.#clock.monotonic();
    const version = await this.#call(() => this.#store.commit(writes));
    const now = this.#clock.monotonic();
    if (now !== this.#repliedAt) this.#replied.clear();
    this.#repliedAt = now;
    for (const { key } of writes) this.#replied.set(key, sentAt);
    return version;
  }

  /** When the commit of a key was sent whose reply arrives right now; undefined for none. */
  sentAt(key: string): number | undefined {
    return this.#repliedAt === this.#clock.monotonic() ? this.#replied.get(key) : undefined;
  }

  async #call<T>(act: () => T | Promise<T>): Promise<T> {
    const { failing, hanging, losing } = this.#scenario;
    await this.#travel();
    if (this.#happens(failing)) throw new Error("the store failed");
    if (this.#happens(hanging)) return await never();
    const reply = await act();
    if (this.#happens(losing)) return await never();
    await this.#travel();
    return reply;
  }

  #travel(): Promise<void> {
    const { latencyMs, jitter } = this.#scenario;
    return this.#clock.sleep(latencyMs * (1 + jitter * (2 * fraction(this.#random) - 1)));
  }

  #happens(share: number): boolean {
    return share > 0 && this.#random.bool(share);
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => {});
}
