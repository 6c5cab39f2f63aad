/**
 * When a store may be called: a circuit breaker as a pure function of the outcomes of its calls.
 *
 * One store has one circuit for all its callers. It has three degrees, because a store often fails
 * partly (a full disk can be read): it refuses nothing (closed), writes, or all calls. While it is
 * open, one call at a time probes the store, with a growing pause between probes.
 */

/**
 * The kind of a call. `write`: one that writes, including its own reads. `prepare`: a read of what
 * is to be written next, which is useless while writes are refused. `read`: any other read.
 */
export type StoreCallKind = "read" | "prepare" | "write";

/** What an open circuit refuses. */
export type Refusal = "nothing" | "writes" | "all";

/**
 * The outcome of a call. `locked`: another process was writing to the file. `silent`: it timed out,
 * and what it did is unknown. `slow`: a background call timed out, perhaps only because it queued.
 * `late`: the reply to a call that was silent or slow before. `invalid`: the call itself was wrong,
 * which shows nothing about the store.
 */
export type Outcome = "replied" | "failed" | "locked" | "silent" | "slow" | "late" | "invalid";

/** The circuit; times are monotonic milliseconds. */
export interface Breaker {
  /** Nothing: the circuit is closed. */
  readonly refuses: Refusal;
  /** Whether the probe is under way: half-open. */
  readonly isProbing: boolean;
  /** When the next probe may go. */
  readonly retryAt: number;
  /** The pause before it (ms), without the jitter that makes it up to twice as long. */
  readonly backoffMs: number;
  /** When a call, and when a write, last succeeded. */
  readonly repliedAt: number;
  readonly wroteAt: number;
  /** How many calls in a row found the file locked. */
  readonly locked: number;
  /** How many silent and slow calls have had no reply yet: KV Connect goes on sending each of them. */
  readonly hanging: number;
}

/** A call that ended. */
export interface Ended {
  readonly kind: StoreCallKind;
  readonly outcome: Outcome;
  readonly isProbe: boolean;
  readonly begunAt: number;
}

/** The pause after a first failure (ms). */
export const FIRST_BACKOFF_MS = 500;
/** The longest pause (ms), without the jitter that makes it up to twice as long. */
export const LONGEST_BACKOFF_MS = 30_000;
/** From this many hanging calls on, each further one doubles the pause. */
export const MOST_HANGING = 8;
/** How many calls in a row must find the file locked: processes that share it collide now and then. */
export const MOST_LOCKED = 2;

/** A circuit that is closed. */
export const CLOSED: Breaker = {
  refuses: "nothing",
  isProbing: false,
  retryAt: -Infinity,
  backoffMs: FIRST_BACKOFF_MS,
  repliedAt: -Infinity,
  wroteAt: -Infinity,
  locked: 0,
  hanging: 0,
};

/** Whether a call is made; `probe` for the one that tries an open circuit. */
export function admission(
  breaker: Breaker,
  kind: StoreCallKind,
  now: number,
): "call" | "probe" | "refused" {
  const { refuses, isProbing, retryAt } = breaker;
  if (refuses === "nothing" || (refuses === "writes" && kind === "read")) return "call";
  return isProbing || now < retryAt ? "refused" : "probe";
}

/** The circuit while a probe is under way. */
export function probing(breaker: Breaker): Breaker {
  return { ...breaker, isProbing: true };
}

/**
 * The circuit after a call.
 * @param chance jitter from 0 up to 1, so that processes that lost a store together do not probe it
 * together
 */
export function after(breaker: Breaker, ended: Ended, now: number, chance: number): Breaker {
  const { outcome, isProbe } = ended;
  const before = isProbe ? { ...breaker, isProbing: false } : breaker;
  switch (outcome) {
    case "replied":
      return replied(before, ended, now);
    case "late":
      return late(before, now);
    case "silent":
      return silent({ ...before, hanging: before.hanging + 1 }, ended, now, chance);
    case "slow":
      return { ...before, hanging: before.hanging + 1 };
    case "locked":
      return locked({ ...before, locked: before.locked + 1 }, ended, now, chance);
    case "failed":
      return opened(before, ended, now, chance);
    case "invalid":
      return before;
  }
}

/** A write that succeeds closes the circuit; a read only shows that reads work. */
function replied(breaker: Breaker, { kind }: Ended, now: number): Breaker {
  const { hanging, refuses } = breaker;
  if (kind === "write") return { ...CLOSED, repliedAt: now, wroteAt: now, hanging };
  if (refuses !== "all") return { ...breaker, repliedAt: now };
  const backoffMs = FIRST_BACKOFF_MS;
  return { ...breaker, refuses: "writes", repliedAt: now, retryAt: now, backoffMs };
}

/** The store responds after all, perhaps still too slowly: the next probe is made soon. */
function late(breaker: Breaker, now: number): Breaker {
  const retryAt = Math.min(breaker.retryAt, now + FIRST_BACKOFF_MS);
  const hanging = Math.max(0, breaker.hanging - 1);
  return { ...breaker, hanging, retryAt, backoffMs: FIRST_BACKOFF_MS };
}

/** A call that times out while others succeed shows nothing about the store. */
function silent(breaker: Breaker, ended: Ended, now: number, chance: number): Breaker {
  const repliedAt = ended.kind === "write" ? breaker.wroteAt : breaker.repliedAt;
  const isProbe = ended.isProbe && breaker.refuses !== "nothing";
  if (repliedAt > ended.begunAt && !isProbe) return breaker;
  return opened(breaker, ended, now, chance);
}

/** Contention is not a failure, unless the file stays locked. */
function locked(breaker: Breaker, ended: Ended, now: number, chance: number): Breaker {
  if (breaker.wroteAt > ended.begunAt) return { ...breaker, locked: 0 };
  if (breaker.locked < MOST_LOCKED && !ended.isProbe) return breaker;
  return opened(breaker, ended, now, chance);
}

function opened(breaker: Breaker, { kind, isProbe }: Ended, now: number, chance: number): Breaker {
  const refuses = kind !== "write" || breaker.refuses === "all" ? "all" : "writes";
  if (breaker.refuses !== "nothing" && !isProbe) return { ...breaker, refuses };
  const { backoffMs, hanging } = breaker;
  return {
    ...breaker,
    refuses,
    retryAt: now + backoffMs * (1 + chance),
    backoffMs: hanging < MOST_HANGING ? backoffMs : Math.min(2 * backoffMs, LONGEST_BACKOFF_MS),
  };
}
