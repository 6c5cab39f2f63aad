/** What a concurrency limit was, and what it is judged by. */
export interface LimitState {
  /** The limit; a fraction, so that small steps add up. */
  readonly limit: number;
  /** The latency that the upstream has when it is not overloaded (ms); undefined before the first window. */
  readonly usualMs: number | undefined;
  /** Where the limit began to shrink, and the latency then; undefined while it does not shrink. */
  readonly trial: Trial | undefined;
  /** Whether it is the first one, has only grown since, or has been enough or too much once. */
  readonly phase: "first" | "growing" | "settled";
}

interface Trial {
  readonly limit: number;
  readonly ms: number;
}

/** What was observed for about a second. */
export interface LatencyWindow {
  /** The mean latency (ms). */
  readonly meanMs: number;
  /** Whether calls reached the limit. Otherwise it has no effect, and nothing is known of it. */
  readonly isLimited: boolean;
  /** Whether most calls failed. */
  readonly isFailing: boolean;
}

/** The range of a limit. */
export interface LimitRange {
  readonly min: number;
  readonly max: number;
}

/** Up to this multiple of the usual latency is not held against the limit. */
const TOLERANCE = 1.5;
/** The most that the limit is to shrink for one window, before smoothing. */
const LEAST_GRADIENT = 0.5;
/** How much of the way the limit goes in one window. */
const SMOOTHING = 0.2;
/** How fast the usual latency falls, and how slowly it rises, for each window. */
const FALLING = 0.1;
/** A mean above this share of the usual latency may be as low by chance. */
const NOISE = 0.8;
const RISING = 1 / 60;
/** A mean may be off by this factor by chance, also one that a trial has shown to be usual. */
const MARGIN = 1.2;
/** A trial ends when the limit has shrunk to this share. */
const TRIAL_SHARE = 0.75;
/** How much the limit grows in one window until it is first too high; a trial undoes one such step. */
const START_GROWTH = 1 / TRIAL_SHARE;

/**
 * Decides a concurrency limit after each window, by the gradient of the latency: gradient2 of Netflix's
 * concurrency-limits, which compares a short-term mean with a long-term one. While they are alike, the
 * limit grows by about its square root, which is the queue that the upstream may have; when latency
 * grows past the tolerance, the limit shrinks in proportion. At the start, when
 * nothing is known of the upstream, it grows by a third until that is enough or too much.
 *
 * What differs is how the long-term mean learns. If it simply followed, a saturated upstream would
 * teach it that being slow is usual, and the limit would drift upwards for ever; if it did not, a
 * latency that has grown for other reasons would hold the limit down. So while the limit is in use, the
 * usual latency only falls, and shrinking is a trial: if a quarter fewer calls have not made the
 * upstream at least half as much faster, its latency is not the limit's doing, and becomes the usual.
 */
export function nextLimit(state: LimitState, window: LatencyWindow, range: LimitRange): LimitState {
  const { limit, usualMs, trial, phase } = state;
  const isStarting = phase !== "settled";
  const { meanMs, isLimited, isFailing } = window;
  if (usualMs === undefined) return { ...state, usualMs: meanMs };
  const isLower = meanMs < usualMs * NOISE;
  const weight = isLower ? FALLING : isLimited || isFailing ? 0 : RISING;
  const usual = usualMs + weight * (meanMs - usualMs);
  if (!isLimited) {
    const isFirst = phase === "first";
    return { limit, usualMs: usual, trial: undefined, phase: isFirst ? phase : "settled" };
  }
  const gradient = Math.min(1, Math.max(LEAST_GRADIENT, TOLERANCE * usual / meanMs));
  if (gradient === 1 && !isFailing) {
    const grown = isStarting ? Math.min(range.max, limit * START_GROWTH) : stepped(limit, 1, range);
    return {
      limit: grown,
      usualMs: usual,
      trial: undefined,
      phase: isStarting && grown < range.max ? "growing" : "settled",
    };
  }
  if (isStarting) {
    const before = Math.max(range.min, limit * TRIAL_SHARE);
    return { limit: before, usualMs: usual, trial: undefined, phase: "settled" };
  }
  // A latency that grew since is another reason to shrink, and needs a trial of its own.
  const current = trial && meanMs <= trial.ms * MARGIN ? trial : { limit, ms: meanMs };
  const isTried = limit <= current.limit * TRIAL_SHARE || limit === range.min;
  if (!isTried || isFailing) {
    const shrunk = Math.min(limit, stepped(limit, isFailing ? LEAST_GRADIENT : gradient, range));
    const least = isFailing ? range.min : current.limit * TRIAL_SHARE;
    return { limit: Math.max(shrunk, least), usualMs: usual, trial: current, phase };
  }
  const expected = current.ms * (1 - (1 - limit / current.limit) / 2);
  if (limit === range.min || meanMs > expected) {
    return { limit, usualMs: MARGIN * meanMs / TOLERANCE, trial: undefined, phase };
  }
  return { limit, usualMs: usual, trial: { limit, ms: meanMs }, phase };
}

function stepped(limit: number, gradient: number, { min, max }: LimitRange): number {
  const wanted = limit * gradient + Math.sqrt(limit);
  return Math.min(max, Math.max(min, limit + SMOOTHING * (wanted - limit)));
}
