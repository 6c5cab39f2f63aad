import type { Clock } from "../core/clock.ts";
import { parseHttpDate } from "./http_date.ts";

/**
 * Parses `Retry-After` (RFC 9110 section 10.2.3), seconds or a date, to seconds. Undefined if it is
 * absent or malformed.
 */
export function retryAfterSeconds(headers: Headers, clock: Clock): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const now = clock.wall();
  const date = parseHttpDate(value, now);
  return date === undefined ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}
