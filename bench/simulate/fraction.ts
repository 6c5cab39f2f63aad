import type { Random } from "../../tests/support/random.ts";

/** A number from 0 up to, and not including, 1. */
export function fraction(random: Random): number {
  return random.int(0, 2 ** 32 - 1) / 2 ** 32;
}
