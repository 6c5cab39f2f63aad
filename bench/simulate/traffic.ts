import { Random } from "../../tests/support/random.ts";
import { fraction } from "./fraction.ts";
import type { Scenario, Shape } from "./scenario.ts";

/** The arrival of a request. */
export interface Arrival {
  /** When it arrives (ms from the beginning). */
  readonly at: number;
  readonly client: number;
  /** The process that it is sent to. */
  readonly process: number;
}

/** A request's time and client. */
type Asking = Omit<Arrival, "process">;

/** The first process's share of requests under `skewed`. */
const SKEWED_SHARE = 0.8;
/** How long a wandering client stays with a process (ms). */
const STAY_MS = 1_000;
/** The part of a period in which a burst arrives. */
const BURST_PART = 0.05;
/** Zipf exponent: the second client sends less than half of the first one's requests. */
const ZIPF_EXPONENT = 1.1;

/** Generates the requests of a scenario in order of arrival; the same for the same seed. */
export function traffic(scenario: Scenario): Arrival[] {
  const random = new Random(scenario.seed);
  const arrivals = [...take(SHAPED[scenario.shape](scenario, random), scenario.requests)];
  return arrivals.sort((a, b) => a.at - b.at)
    .map((arrival) => ({ ...arrival, process: processOf(arrival, scenario, random) }));
}

const SHAPED: Record<Shape, (scenario: Scenario, random: Random) => Iterable<Asking>> = {
  steady: (scenario, random) =>
    poisson(random, scenario.clients * demandOf(scenario), () => random.int(1, scenario.clients)),
  bursts,
  hot: (scenario, random) => poisson(random, demandOf(scenario), () => 1),
  zipf,
  rotating(scenario, random) {
    let client = 0;
    return poisson(random, demandOf(scenario), () => ++client);
  },
};

/** Requests of a client per second. */
function demandOf({ load, rate }: Scenario): number {
  return load * rate;
}

function* poisson(random: Random, perSecond: number, client: () => number): Iterable<Asking> {
  for (let at = 0;; at += -Math.log(1 - fraction(random)) * 1_000 / perSecond) {
    yield { at, client: client() };
  }
}

/** Each client sends `load` times its burst whenever its bucket could be full again. */
function* bursts(scenario: Scenario, random: Random): Iterable<Asking> {
  const { clients, burst, rate, load } = scenario;
  const periodMs = burst / rate * 1_000;
  const size = Math.max(1, Math.round(load * burst));
  for (let period = 0;; period++) {
    for (let client = 1; client <= clients; client++) {
      const from = (period + client / clients) * periodMs;
      for (let i = 0; i < size; i++) {
        yield { at: from + fraction(random) * BURST_PART * periodMs, client };
      }
    }
  }
}

/** A few clients send many requests, and many send few. */
function zipf(scenario: Scenario, random: Random): Iterable<Asking> {
  const sums: number[] = [];
  let sum = 0;
  for (let client = 1; client <= scenario.clients; client++) {
    sum += client ** -ZIPF_EXPONENT;
    sums.push(sum);
  }
  return poisson(
    random,
    demandOf(scenario) * sum,
    () => 1 + firstAbove(sums, sum * fraction(random)),
  );
}

/** Returns the index of the first sum above the value. */
function firstAbove(sums: readonly number[], value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? Infinity) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function processOf({ at }: Asking, { processes, spread }: Scenario, random: Random): number {
  if (processes === 1) return 0;
  if (spread === "even") return random.int(0, processes - 1);
  if (spread === "wandering") return Math.floor(at / STAY_MS) % processes;
  return random.bool(SKEWED_SHARE) ? 0 : random.int(1, processes - 1);
}

function* take<T>(items: Iterable<T>, count: number): Iterable<T> {
  let taken = 0;
  for (const item of items) {
    if (taken++ >= count) return;
    yield item;
  }
}
