/**
 * Asks for so many things, some at a time, and yields what was answered as it comes, each with its
 * place. Nothing new is begun while nobody takes what is there. Whoever stops early waits for those
 * that run, and has to end them.
 * @param concurrency how many run at once
 * @param ask never rejects
 */
export async function* asCompleted<T>(
  count: number,
  concurrency: number,
  ask: (index: number) => Promise<T>,
): AsyncGenerator<readonly [index: number, answer: T], void, void> {
  const running = new Map<number, Promise<readonly [number, T]>>();
  let next = 0;
  try {
    while (next < count || running.size > 0) {
      for (; running.size < concurrency && next < count; next++) {
        const index = next;
        running.set(index, ask(index).then((answer) => [index, answer] as const));
      }
      const settled = await Promise.race(running.values());
      running.delete(settled[0]);
      yield settled;
    }
  } finally {
    await Promise.allSettled(running.values());
  }
}
