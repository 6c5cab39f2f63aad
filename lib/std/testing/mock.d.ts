/** One call that a spy saw. */
export interface SpyCall<Args extends unknown[] = unknown[], Return = unknown> {
  args: Args;
  returned?: Return;
  error?: Error;
}

/** A function that remembers how it was called. */
export interface Spy<Args extends unknown[] = unknown[], Return = unknown> {
  (...args: Args): Return;
  calls: SpyCall<Args, Return>[];
}

/** A spy that does nothing. */
export function spy(): Spy<unknown[], undefined>;
/** A spy around `fn`. */
export function spy<Args extends unknown[], Return>(
  fn: (...args: Args) => Return,
): Spy<Args, Return>;

/** Fails unless the spy was called just so many times. */
export function assertSpyCalls(spy: { calls: unknown[] }, expectedCalls: number): void;

/** Fails unless the call with that index had these arguments. */
export function assertSpyCallArgs(
  spy: { calls: { args: unknown[] }[] },
  callIndex: number,
  expected: unknown[],
): void;
