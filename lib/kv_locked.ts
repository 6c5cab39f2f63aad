/**
 * Whether another process was writing to the file: nothing was written then, which is contention
 * and no failure. SQLite's text is all that Deno gives to tell it by.
 */
export function isLocked(error: unknown): boolean {
  return error instanceof Error && /database is (?:locked|busy)/.test(error.message);
}

/** How often a write is tried while others write to the file, and how long it waits (ms). */
const TRIES = 20;
const WAIT_MS = 5;

/** What a write comes to that is tried again while others write to the file. */
export async function unlocked<T>(write: () => Promise<T>): Promise<T> {
  for (let tried = 1;; tried++) {
    try {
      return await write();
    } catch (error) {
      if (!isLocked(error) || tried === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * WAIT_MS * tried));
    }
  }
}
