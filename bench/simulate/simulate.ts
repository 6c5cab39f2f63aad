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
   * When the decision was made (ms), without the latency of the reply: for a grant, the limiter's own
   * time; for a denial, when its commit was sent, or when it was given if it needed none.
   */
  readonly decidedAt: number;
  /** When it was given (ms). */
  readonly settledAt: number;
  /** Whether it was given at once, without the store. */
  readonly isAtHand: boolean;
}

/** The result of a scenario. */
export interface Run {
  readonly limit: Limit;
  /** In order of arrival. */
  readonly requests: readonly DecidedRequest[];
  readonly commits: number;
  readonly conflicts: number;
  readonly reads: number;
}

/**
 * Runs a scenario: the limiter's own code on a virtual clock, with a simulated store and traffic.
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
  // The store has its own random sequence, so that requests are the same for any limiter.
  const random = new Random(scenario.seed + 2 ** 16);
  const arrivals = traffic(scenario);
  // A larger limit would only cost memory, in each of up to thousands of processes.
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
  const sendNext = (index: number) => {
    const arrival = arrivals[index];
    if (!arrival) return;
    clock.at(arrival.at, () => {
      sendNext(index + 1);
      send(arrival, index);
    });
  };
  sendNext(0);
  const isOver = await clock.runUntil(() => left === 0 || failure !== undefined);
  if (failure !== undefined) throw failure;
  if (!isOver) throw new Error(`the limiter left ${left} requests undecided`);
  const { commits, conflicts, reads } = shared;
  return { limit, requests: decided, commits, conflicts, reads };
}

/** Spreads the wall clocks evenly, from exact to the largest difference. */
function aheadOf(index: number, { processes, apartMs }: Scenario): number {
  return processes === 1 ? 0 : Math.round(apartMs * index / (processes - 1));
}
