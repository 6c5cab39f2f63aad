import type { Clock } from "../core/clock.ts";
import { DEFAULTS } from "../core/defaults.ts";
import { isLocked, retryWhileLocked } from "./kv_locked.ts";
import { createCompact } from "./create_compact.ts";
import { StartError } from "../core/start_error.ts";
import { within } from "../core/within.ts";

/** Advice for some causes, by the text of the error. */
const ADVICE: readonly (readonly [of: RegExp, advice: string])[] = [
  [/401 Unauthorized/, " DENO_KV_ACCESS_TOKEN must be the server's access token."],
  [/not a database|malformed/, "; move the file away to begin with a new one"],
  [/is full|No space left|disk I\/O error/, "; is there space left on the disk?"],
  [
    /read-?only|unable to open|permission denied/i,
    "; can this user write to its folder?",
  ],
];

/**
 * Opens the store. A store on another machine has `DEFAULTS.openStoreMs` to respond.
 * @param location a file, whose missing folders are created; `:memory:`; a KV Connect URL; undefined
 * for Deno KV's own default
 * @throws {StartError} when it cannot be opened
 */
export async function openKv(location: string | undefined, clock: Clock): Promise<Deno.Kv> {
  try {
    if (location !== undefined && isStoreFile(location)) {
      const folder = location.replace(/[^/\\]*$/, "");
      if (folder !== "") await Deno.mkdir(folder, { recursive: true });
      await createCompact(location);
      return await openFile(location, clock);
    }
    // A server that accepts the connection and never responds would block the start forever.
    const ms = DEFAULTS.openStoreMs;
    return await within(Deno.openKv(location), ms, clock, () =>
      new Error(
        `no response within ${ms / 1_000} s; is a KV Connect server there, ` +
          `and can it be reached from this machine?`,
      ));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const advice = ADVICE.find(([of]) => of.test(reason))?.[1] ?? "";
    throw new StartError(
      `the store ${location ?? "of Deno KV"} cannot be opened: ${reason}${advice}`,
    );
  }
}

/** Opens a file, and writes to it once, because a file on a full disk opens without an error. */
async function openFile(path: string, clock: Clock): Promise<Deno.Kv> {
  // Processes that start together create the file's tables one after the other.
  const boundMs = DEFAULTS.openStoreMs;
  const kv = await retryWhileLocked(() => Deno.openKv(path), { clock, boundMs });
  try {
    const late = () => new StoreHeld();
    await within(kv.set(["sluice", "ready"], clock.wall()), DEFAULTS.storeTimeoutMs, clock, late);
  } catch (error) {
    // Another process holds the file, and releases it sooner or later; until then the store fails.
    if (isLocked(error) || error instanceof StoreHeld) return kv;
    kv.close();
    throw error;
  }
  return kv;
}

class StoreHeld extends Error {}

/** Whether a store's location is a file on this machine. */
export function isStoreFile(location: string): boolean {
  return location !== ":memory:" && !/^https?:\/\//.test(location);
}
