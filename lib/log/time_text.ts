/** `2026-01-01T14:03:07.` of the last second that was asked for: writing a date costs a microsecond. */
let prefix = "";
let second = NaN;

/**
 * Returns a time as `Date.toISOString` does: `2026-01-01T14:03:07.123Z`.
 * @param time ms since 1970
 */
export function timeText(time: number): string {
  const whole = Math.floor(time / 1000);
  if (whole !== second) {
    prefix = new Date(whole * 1000).toISOString().slice(0, -4);
    second = whole;
  }
  return `${prefix}${String(Math.trunc(time - whole * 1000)).padStart(3, "0")}Z`;
}
