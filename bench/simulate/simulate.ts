import { DEFAULTS } from "../../lib/core/defaults.ts";
import { GuardedStore } from "../../lib/limiter/stores/guarded_store.ts";
import { testGuard } from "../../tests/support/test_guard.ts";
import { bucketShape } from "../../lib/limiter/bucket.ts";
import type { Decision, Limit } from "../../lib/limiter/limit.ts";
import { Random } from "../../tests/support/random.ts";
import { DistantStore } from "./distant_store.ts";
import { fraction } from "./fraction.ts";
import { ProcessClock } from "./process_clock.ts";
import type { Scenario } from "./scenario.ts";
import { SharedStore } from "./shared_store.ts";
import { type StartLimiter, startLimiter } from "./start_limiter.ts";
import { type Arrival, traffic } from "./traffic.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** A request and its decision. */
export interface DecidedRequest extends Arrival {
  readonly outcome: Decision["outcome"];
  /**
   * From when on the decision counts (ms): when it was made, as the limiter says itself of what it
   * admits; of a denial, when the commit was sent that it stands on, or when it was given, if it
   * needed none. The reply's way back counts for no one.
   */
  readonly decidedAt: number;
  /** When it was given (ms). */
  readonly settledAt: number;
  /** Whether it was given at once, without the store. */
  readonly isAtHand: boolean;
}

/** What came of a scenario. */
export interface Run {
  readonly limit: Limit;
  /** In the order in which the requests came. */
  readonly requests: readonly DecidedRequest[];
  readonly commits: number;
  readonly conflicts: number;
  readonly reads: number;
}

/**
 * Plays a scenario: the limiter's own code on a virtual clock, with a store and traffic made up.
 * @throws {Error} when the limiter leaves a request undecided
 */
export async function simulate(
  scenario: Scenario,
  start: StartLimiter = startLimiter,
): Promise<Run> {
  const clock = new VirtualClock();
  const shared = new SharedStore(clock, scenario.capacity);
  const limit: Limit = {
    name: "limit",
    shape: bucketShape(scenario.rate, 1_000, scenario.burst),
    waitMs: 0,
    queue: 0,
    onStoreFailure: scenario.onStoreFailure,
  };
  // Requests come from a sequence of their own, so that they are the same for any limiter.
  const random = new Random(scenario.seed + 2 ** 16);
  const arrivals = traffic(scenario);
  // Room for many more buckets than there are would only cost memory, a thousand times.
  const clients = new Set(arrivals.map(({ client }) => client)).size;
  const maxBuckets = Math.min(DEFAULTS.maxBuckets, 8 * clients);
  const processes = Array.from({ length: scenario.processes }, (_, index) => {
    const store = new DistantStore(shared, clock, random, scenario);
    const own = new ProcessClock(clock, aheadOf(index, scenario));
    const chance = () => fraction(random);
    const guard = testGuard({ clock: own, random: chance, timeoutMs: scenario.timeoutMs });
    const limiter = start({
      store: new GuardedStore(store, guard),
      clock: own,
      random: chance,
      maxBuckets,
    });
    return { store, limiter };
  });

  const decided = new Array<DecidedRequest>(arrivals.length);
  let left = arrivals.length;
  let failure: unknown;
  const send = (arrival: Arrival, index: number) => {
    const process = processes[arrival.process];
    if (!process) throw new RangeError(`there is no process ${arrival.process}`);
    const key = `client ${arrival.client}`;
    const settle = (decision: Decision, isAtHand: boolean) => {
      const { outcome } = decision;
      const settledAt = clock.monotonic();
      const madeAt = outcome === "admitted" ? decision.at.monotonic : process.store.sentAt(key);
      const decidedAt = Math.min(settledAt, Math.max(arrival.at, madeAt ?? settledAt));
      decided[index] = { ...arrival, outcome, decidedAt, settledAt, isAtHand };
      left--;
    };
    const patience = { signal: new AbortController().signal, deadline: Infinity };
    const taken = process.limiter.take([{ key, limit, tokens: 1 }], patience);
    if (!(taken instanceof Promise)) return settle(taken, true);
    taken.then((decision) => settle(decision, false)).catch((error) => failure ??= error);
  };
  const askNext = (index: number) => {
    const arrival = arrivals[index];
    if (!arrival) return;
    clock.at(arrival.at, () => {
      askNext(index + 1);
      send(arrival, index);
    });
  };
  askNext(0);
  const isOver = await clock.runUntil(() => left === 0 || failure !== undefined);
  if (failure !== undefined) throw failure;
  if (!isOver) throw new Error(`the limiter left ${left} requests undecided`);
  const { commits, conflicts, reads } = shared;
  return { limit, requests: decided, commits, conflicts, reads };
}

/** The wall clocks stand evenly from right to as far ahead as they may be. */
function aheadOf(index: number, { processes, apartMs }: Scenario): number {
  return processes === 1 ? 0 : Math.round(apartMs * index / (processes - 1));
}
