import type { Source } from "../../core/source.ts";
import type { Candidate } from "./choose_target.ts";
import { afterFailure, afterSuccess, type Ejection, IN_USE, isOut } from "./ejection.ts";
import { FailureRate } from "./failure_rate.ts";
import { PeakEwma } from "./peak_ewma.ts";

/** Time in which the weight of a target that came back grows to its own (ms). */
const SLOW_START_MS = 10_000;
/** The least share of its weight meanwhile. */
const LEAST_SHARE = 0.1;

/** Where calls of an upstream can go. */
export interface TargetEntry {
  /** Identifies it when the targets change. */
  readonly key: string;
  /** Its name in the log. */
  readonly name: string;
  readonly weight: number;
  readonly source: Source;
}

/** One target of an upstream: its load, its latency, and whether it is left alone. */
export class Target implements Candidate {
  readonly key: string;
  readonly name: string;
  readonly source: Source;
  weight: number;
  inFlight = 0;
  /** Until when it asked not to be called, with Retry-After (monotonic, ms). */
  heldUntil = -Infinity;
  isUnhealthy = false;
  /** When it was added, or became healthy again (monotonic, ms). */
  backAt: number;
  /** Health checks in a row with the same result, and that result. */
  checks = 0;
  isCheckPassed = true;
  /** Whether its ejection was reported, and its return was not. */
  isReportedOut = false;
  readonly #latency = new PeakEwma();
  readonly #failureRate = new FailureRate();
  #ejection: Ejection = IN_USE;

  /** @param backAt when it was added to targets in use; -Infinity at the start */
  constructor({ key, name, weight, source }: TargetEntry, backAt: number) {
    this.key = key;
    this.name = name;
    this.weight = weight;
    this.source = source;
    this.backAt = backAt;
  }

  /** How long its last ejection is, or was (ms). */
  get outMs(): number {
    return this.#ejection.until - this.#ejection.from;
  }

  /** Whether it works, as far as is known: neither unhealthy nor out. */
  isIn(now: number): boolean {
    return !this.isUnhealthy && !isOut(this.#ejection, now);
  }

  weightAt(now: number): number {
    const since = now - Math.max(this.backAt, this.#ejection.until);
    if (since >= SLOW_START_MS) return this.weight;
    return this.weight * Math.max(LEAST_SHARE, since / SLOW_START_MS);
  }

  latencyAt(now: number): number {
    return this.#latency.at(now);
  }

  failureRateAt(now: number): number {
    return this.#failureRate.at(now);
  }

  /** A call had a response. */
  succeeded(startedAt: number, now: number): void {
    this.#latency.observe(now - startedAt, now);
    this.#ejection = afterSuccess(this.#ejection, { startedAt, now });
    this.#failureRate.add(false, now);
  }

  /**
   * A call failed. However fast that was, it does not count as fast.
   * @param isSlow whether it was cut off by a timeout
   * @param mayEject false for the last target in use
   * @returns whether it has just been ejected
   */
  failed(startedAt: number, now: number, isSlow: boolean, mayEject: boolean): boolean {
    if (isSlow) this.#latency.observe(now - startedAt, now);
    this.#failureRate.add(true, now);
    const { until } = this.#ejection;
    this.#ejection = afterFailure(this.#ejection, { startedAt, now }, mayEject);
    return this.#ejection.until > until;
  }

  /** A call was cancelled: it would have taken at least as long. */
  left(startedAt: number, now: number): void {
    this.#latency.raise(now - startedAt, now);
  }
}
