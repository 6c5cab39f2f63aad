import type { Clock, Random } from "../core/clock.ts";
import { retryWhileLocked } from "./kv_locked.ts";
import { isStoreFile, openKv } from "./open_kv.ts";
import { StoreFile } from "./store_file.ts";
import { type StoreCallEnded, StoreGuard } from "./store_guard.ts";

/** The record that probes read and write. */
const PROBED = ["sluice", "ready"];
/** How long a probe's write is retried on a locked file (ms): shorter than the timeout of a call. */
const PROBE_LOCKED_MS = 200;

/** An open store. Disposing it closes it. */
export interface OpenStore extends Disposable {
  readonly kv: Deno.Kv;
  /** Guards every call of the store. */
  readonly guard: StoreGuard;
  /** Whether it is this process's memory, which no other process can change. */
  readonly isMemory: boolean;
}

/** Dependencies of {@linkcode openStore}. */
export interface OpenStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Timeout of a call (ms). */
  readonly timeoutMs: number;
  /** Logs one line when the store is lost, and one when it is back. */
  readonly log: (line: string, isLost: boolean) => void;
  /** Called with each call that has ended; for metrics. */
  readonly onCall?: StoreCallEnded | undefined;
}

/**
 * Opens the store and its guard.
 * @param location a file, `:memory:` or a KV Connect URL; undefined for Deno KV's own default
 * @throws {StartError} when it cannot be opened
 */
export async function openStore(
  location: string | undefined,
  options: OpenStoreOptions,
): Promise<OpenStore> {
  const kv = await openKv(location, options.clock);
  const isMemory = location === ":memory:";
  const file = location !== undefined && isStoreFile(location)
    ? await StoreFile.at(location)
    : undefined;
  const guard = guardKv(kv, options, { isMemory, file });
  return { kv, guard, isMemory, [Symbol.dispose]: () => kv.close() };
}

/** Guards the calls of an open Deno KV. @param file the file that it is in, if it is known */
export function guardKv(
  kv: Deno.Kv,
  { clock, random, timeoutMs, log, onCall }: OpenStoreOptions,
  { isMemory = false, file }: {
    readonly isMemory?: boolean;
    readonly file?: StoreFile | undefined;
  } = {},
): StoreGuard {
  const write = () =>
    retryWhileLocked(() => kv.set(PROBED, clock.wall()), { boundMs: PROBE_LOCKED_MS });
  return new StoreGuard({
    clock,
    random,
    timeoutMs,
    read: () => kv.get(PROBED),
    ...(!isMemory && { write }),
    ...(file && { file: () => file.trouble() }),
    log,
    onCall,
  });
}
