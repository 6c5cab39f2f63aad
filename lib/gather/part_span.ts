import type { GatewayError } from "../core/errors.ts";
import type { Reply } from "../core/source.ts";
import type { Span } from "../core/span.ts";

/** Ends the span of a part with its outcome. One that was cancelled has not failed. */
export function endPartSpan(
  span: Span,
  part: string,
  { cached }: Partial<Reply>,
  error: GatewayError | undefined,
): void {
  span.set("sluice.part", part);
  if (cached) span.set("sluice.cache", cached.isStale ? "stale" : cached.isHit ? "hit" : "miss");
  if (error) span.set("error.type", error.kind);
  if (error && error.kind !== "cancelled") span.fail();
  span.end();
}
