/**
 * Runs `count` tasks, at most `concurrency` at once, and yields each result with its index as it
 * completes. No new task starts while the consumer has results to take. A consumer that stops early
 * waits for the tasks that are running; cancelling them is up to the caller.
 * @param run must not reject
 */
export async function* asCompleted<T>(
  count: number,
  concurrency: number,
  run: (index: number) => Promise<T>,
): AsyncGenerator<readonly [index: number, result: T], void, void> {
  const running = new Map<number, Promise<readonly [number, T]>>();
  let next = 0;
  try {
    while (next < count || running.size > 0) {
      for (; running.size < concurrency && next < count; next++) {
        const index = next;
        running.set(index, run(index).then((result) => [index, result] as const));
      }
      const settled = await Promise.race(running.values());
      running.delete(settled[0]);
      yield settled;
    }
  } finally {
    await Promise.allSettled(running.values());
  }
}
