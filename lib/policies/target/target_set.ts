import type { Clock, Random } from "../../core/clock.ts";
import { chooseTarget } from "./choose_target.ts";
import { Target, type TargetEntry } from "./target_state.ts";

/** Maximum time for which a target's Retry-After keeps calls away (ms). */
const MAX_HOLD_MS = 30_000;
/** With fewer working targets than this share, all are used: the rest could not take the load. */
const PANIC_SHARE = 1 / 3;

/** What happened to a target, for the log. */
export interface TargetReport {
  readonly target: string;
  readonly event: "ejected" | "returned" | "unhealthy" | "healthy";
  /** Why, for the log. */
  readonly cause: string;
}

/** Options of {@linkcode TargetSet}. */
export interface TargetSetOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly report: (report: TargetReport) => void;
}

/** The targets of an upstream, shared by all calls. */
export class TargetSet {
  readonly #options: TargetSetOptions;
  #targets: readonly Target[] = [];

  constructor(options: TargetSetOptions) {
    this.#options = options;
  }

  /** The targets, in use or not. */
  get targets(): readonly Target[] {
    return this.#targets;
  }

  /** Replaces the targets; those that stay keep their state, and new ones start slowly. */
  update(entries: readonly TargetEntry[]): void {
    const known = new Map(this.#targets.map((target) => [target.key, target]));
    const backAt = known.size === 0 ? -Infinity : this.#options.clock.monotonic();
    this.#targets = entries.map((entry) => {
      const target = known.get(entry.key) ?? new Target(entry, backAt);
      target.weight = entry.weight;
      return target;
    });
  }

  /**
   * Chooses the target of an attempt; undefined only without targets.
   * @param tried targets of earlier attempts of the call, which are avoided
   */
  choose(now: number, tried?: readonly object[]): Target | undefined {
    let free = 0;
    for (const target of this.#targets) if (isFree(target, now, tried)) free++;
    const candidates = free === this.#targets.length ? this.#targets : this.#preferred(now, tried);
    return chooseTarget(candidates, now, this.#options.random);
  }

  /** Whether a retry could go to a target that works, takes calls, and was not tried. */
  hasOther(tried: readonly object[]): boolean {
    const now = this.#options.clock.monotonic();
    return this.#targets.length > 1 && this.#targets.some((target) => isFree(target, now, tried));
  }

  /** A target responded to a call that began at `startedAt`. */
  succeeded(target: Target, startedAt: number, now: number): void {
    target.succeeded(startedAt, now);
    if (!target.isReportedOut || !target.isIn(now)) return;
    target.isReportedOut = false;
    this.#report(target, "returned", "");
  }

  /** A call to a target failed. */
  failed(target: Target, startedAt: number, now: number, cause: string, isSlow = false): void {
    const mayEject = this.#targets.some((other) => other !== target && other.isIn(now));
    if (!target.failed(startedAt, now, isSlow, mayEject)) return;
    target.isReportedOut = true;
    this.#report(target, "ejected", `for ${Math.round(target.outMs / 1000)} s: ${cause}`);
  }

  /** A target asked for a pause. */
  hold(target: Target, ms: number, now: number): void {
    target.heldUntil = Math.max(target.heldUntil, now + Math.min(ms, MAX_HOLD_MS));
  }

  /** A health check of a target passed or failed; `least` of a kind in a row decide. */
  checked(target: Target, isPassed: boolean, least: number, cause: string): void {
    target.checks = target.isCheckPassed === isPassed ? target.checks + 1 : 1;
    target.isCheckPassed = isPassed;
    if (target.isUnhealthy !== isPassed || target.checks < least) return;
    target.isUnhealthy = !isPassed;
    if (isPassed) target.backAt = this.#options.clock.monotonic();
    this.#report(target, isPassed ? "healthy" : "unhealthy", cause);
  }

  #preferred(now: number, tried: readonly object[] | undefined): readonly Target[] {
    const all = this.#targets;
    const working = all.filter((target) => target.isIn(now));
    const usable = working.length < all.length * PANIC_SHARE ? all : working;
    const isUntried = (target: Target) => !tried?.includes(target);
    const willing = usable.filter((target) => now >= target.heldUntil);
    // Retry-After counts as long as another target works.
    const choices = willing.some((target) => target.isIn(now))
      ? [willing.filter(isUntried), willing]
      : [usable.filter(isUntried)];
    return choices.find(({ length }) => length > 0) ?? usable;
  }

  #report({ name }: Target, event: TargetReport["event"], cause: string): void {
    this.#options.report({ target: name, event, cause });
  }
}

function isFree(target: Target, now: number, tried: readonly object[] | undefined): boolean {
  return target.isIn(now) && now >= target.heldUntil && !tried?.includes(target);
}
