import type { PartSettings } from "../config/part.ts";

/** Distinguishes the reply for one value from that of a call for a list of only this value. */
export function batchKey(
  { batch, select }: Partial<Pick<PartSettings, "batch" | "select">>,
): string {
  return ` batch ${JSON.stringify([batch?.by ?? null, select ?? []])}`;
}
