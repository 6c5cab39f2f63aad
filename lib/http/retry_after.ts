import type { Clock } from "../core/clock.ts";
import { parseHttpDate } from "./http_date.ts";

/**
 * How long an answer asks to wait (s; RFC 9110 section 10.2.3): seconds, or a date. Undefined when it
 * does not say, or not so that it can be understood.
 */
export function retryAfterSeconds(headers: Headers, clock: Clock): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const now = clock.wall();
  const date = parseHttpDate(value, now);
  return date === undefined ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}
