import type { Clock } from "./clock.ts";
import { Scope } from "./scope.ts";

const NEVER = new AbortController().signal;

/**
 * What the promise resolves to, if it does within `ms`. What it does after that goes unseen.
 * @throws what `late` makes, when it takes longer
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
    // After a busy moment timers ring before what came meanwhile is looked at: one turn for that.
    await clock.sleep(0);
    ended.reject(scope.signal.reason);
  }, { once: true });
  scope.cancelAfter(ms, clock, late);
  return await Promise.race([promise, ended.promise]);
}
