import type { Clock } from "./clock.ts";
import { Scope } from "./scope.ts";

const NEVER = new AbortController().signal;

/**
 * Returns what the promise resolves to, if it settles within `ms`; ignores it afterwards.
 * @throws the result of `late` if it takes longer
 */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  clock: Clock,
  late: () => Error,
): Promise<T> {
  using scope = new Scope(NEVER);
  const ended = Promise.withResolvers<never>();
  scope.signal.addEventListener("abort", async () => {
    // After a busy moment timers fire before pending I/O is processed: allow one turn for it.
    await clock.sleep(0);
    ended.reject(scope.signal.reason);
  }, { once: true });
  scope.cancelAfter(ms, clock, late);
  return await Promise.race([promise, ended.promise]);
}
