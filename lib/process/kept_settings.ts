import type { Settings } from "../config/gateway.ts";

/** The settings that a process reads once, beside the store. */
const KEPT = {
  // Another certificate takes effect; HTTP instead of HTTPS does not.
  tls: ({ tls }: Settings) => tls !== undefined,
  cacheMemory: ({ cacheMemory }: Settings) => cacheMemory,
  cacheDisk: ({ cacheDisk }: Settings) => cacheDisk,
  "overload.maxBuffered": ({ overload }: Settings) => overload?.maxBuffered,
} as const;

/**
 * Returns the names of the settings that a reload would change, and cannot.
 * @param started the config that the process has started with
 * @param options a `store` that overrides those of both configs
 */
export function keptSettings(
  started: Settings,
  reloaded: Settings,
  { store }: { readonly store: string | undefined },
): string[] {
  const kept = Object.entries(KEPT)
    .filter(([, of]) => of(started) !== of(reloaded))
    .map(([name]) => name);
  return store === undefined && started.store !== reloaded.store ? ["store", ...kept] : kept;
}
