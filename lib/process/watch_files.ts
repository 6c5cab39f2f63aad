import type { Clock } from "../core/clock.ts";

/** How often the files are looked at (ms). A change counts once they are the same twice. */
const LOOK_MS = 500;

/** What is watched. */
export interface WatchOptions {
  /** The files now, as URLs. */
  readonly files: () => readonly string[];
  readonly clock: Clock;
  readonly onChange: () => void;
  /** Identifies the state of a file (default: its times, size and inode). */
  readonly look?: (url: string) => Promise<string>;
}

/**
 * Watches files until the signal aborts, by looking at them: notifications of the system do not
 * survive all the ways in which editors, Kubernetes and container mounts replace a file. A file that
 * is written in several steps counts once it is the same for half a second.
 */
export async function watchFiles(options: WatchOptions, signal: AbortSignal): Promise<void> {
  const { files, clock, onChange, look = stateOf } = options;
  const lookAtAll = async () =>
    new Map(await Promise.all(files().map(async (url) => [url, await look(url)] as const)));
  /** The state of each file that is in use, and that of the last look. */
  const used = await lookAtAll();
  let last: ReadonlyMap<string, string> = new Map(used);
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, signal).catch(() => {});
    if (signal.aborted) return;
    const now = await lookAtAll();
    let isChanged = false;
    for (const [url, state] of now) {
      if (!used.has(url)) used.set(url, state); // a reload has added it
      if (state === used.get(url)) continue;
      // One that is still being written, or replaced, is not changed yet.
      if (state !== last.get(url)) {
        isChanged = false;
        break;
      }
      isChanged = true;
    }
    last = now;
    if (!isChanged) continue;
    for (const [url, state] of now) used.set(url, state);
    onChange();
  }
}

async function stateOf(url: string): Promise<string> {
  try {
    const { mtime, size, ino } = await Deno.stat(new URL(url));
    return `${mtime?.getTime()} ${size} ${ino}`;
  } catch {
    return "missing";
  }
}
