/** Failed calls in a row that eject a target. */
const FAILURES = 5;
/** The first time out, which doubles with each further one (ms). */
const FIRST_OUT_MS = 5_000;
const MAX_OUT_MS = 60_000;

/** Whether a target is left alone because its calls failed, and for how long. */
export interface Ejection {
  /** Failed calls in a row. */
  readonly failures: number;
  /** Ejections in a row: those not followed by a good time as long as the time out. */
  readonly times: number;
  /** When it was last ejected (monotonic, ms). */
  readonly from: number;
  /** When it gets calls again. */
  readonly until: number;
}

/** The outcome of a call, in time (monotonic, ms). */
export interface Settled {
  readonly startedAt: number;
  readonly now: number;
}

/** The state of a target that was never ejected. */
export const IN_USE: Ejection = { failures: 0, times: 0, from: -Infinity, until: -Infinity };

/** Whether the target is left alone, or would be if it were not the last one in use. */
export function isOut({ failures, until }: Ejection, now: number): boolean {
  return now < until || failures >= FAILURES;
}

/**
 * The state after a failed call. After five in a row the target is ejected, and after its time out
 * the first one ejects it again, for twice as long. Calls that began before its return do not count.
 * @param mayEject false for the last target in use
 */
export function afterFailure(
  state: Ejection,
  { startedAt, now }: Settled,
  mayEject: boolean,
): Ejection {
  if (startedAt < state.until) return state;
  const failures = state.failures + 1;
  if (failures < FAILURES || !mayEject) return { ...state, failures };
  const times = state.times + 1;
  const outMs = Math.min(MAX_OUT_MS, FIRST_OUT_MS * 2 ** (times - 1));
  return { failures: FAILURES - 1, times, from: now, until: now + outMs };
}

/**
 * The state after a successful call. One that began during the time out, which happens only while
 * too many targets are out, ends it.
 */
export function afterSuccess(state: Ejection, { startedAt, now }: Settled): Ejection {
  if (state === IN_USE || startedAt < state.from) return state;
  if (now < state.until) return { ...state, failures: 0, until: now };
  return now - state.until >= state.until - state.from || state.times === 0
    ? IN_USE
    : { ...state, failures: 0 };
}
