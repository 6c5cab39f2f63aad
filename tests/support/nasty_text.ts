import type { Random } from "./random.ts";

/** What a hostile client puts together to break out of where its value stands. */
const PIECES = [
  ..."/\\?&=#%.;:,+@{} \t\n\r\0'\"!*()~a0",
  "..",
  "%2e",
  "%2F",
  "%5c",
  "%00",
  "%zz",
  "é",
  "😀",
  "\u2028",
  "\ufeff",
  "users",
];

/** A text of such pieces; now and then with half of a surrogate pair. */
export function nastyText(random: Random): string {
  const text = random.text(PIECES, 4);
  return random.bool(0.05) ? text + random.pick(["\ud83d", "\ude00"]) : text;
}
