import { DEFAULTS } from "../core/defaults.ts";

/**
 * The default of `overload.maxBuffered` (bytes): a share of the heap's limit, which the runtime takes
 * from the memory of the machine or its container.
 */
export async function defaultMaxBuffered(): Promise<number> {
  const { getHeapStatistics } = await import("node:v8");
  const share = getHeapStatistics().heap_size_limit * DEFAULTS.bufferedShare;
  return Math.min(share, DEFAULTS.maxBuffered);
}
