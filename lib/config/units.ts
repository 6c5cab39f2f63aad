/** A length of time: `"250ms"`, `"2s"`, `"5m"`, `"1h"`. */
export type Duration = `${number}${"ms" | "s" | "m" | "h"}`;

/** A number of bytes: `"512B"`, `"64KiB"`, `"4MiB"`, `"1GiB"`. */
export type Size = `${number}${"B" | "KiB" | "MiB" | "GiB"}`;

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const SIZE = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB)$/;

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/**
 * Parses a duration such as `250ms`, `2s`, `5m` or `1h` to milliseconds; undefined if it is
 * invalid.
 */
export function parseDuration(text: unknown): number | undefined {
  return parse(text, DURATION, MILLISECONDS);
}

/** Parses a size such as `512B`, `64KiB`, `4MiB` or `1GiB` to bytes; undefined if it is invalid. */
export function parseSize(text: unknown): number | undefined {
  return parse(text, SIZE, BYTES);
}

/** Formats milliseconds as the shortest duration. */
export function formatDuration(ms: number): string {
  if (ms >= 1000 && ms % 1000 === 0) return `${ms / 1000}s`;
  return `${ms}ms`;
}

/** Formats bytes as the shortest size. */
export function formatSize(bytes: number): string {
  for (const [unit, factor] of Object.entries(BYTES).reverse()) {
    if (bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}

/** Parses an amount to a positive whole number of the smallest unit. */
function parse(
  text: unknown,
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
): number | undefined {
  if (typeof text !== "string") return undefined;
  const [, amount = "", unit = ""] = pattern.exec(text) ?? [];
  const exact = Number(amount) * (units[unit] ?? 0);
  // 4258.1m is a whole number of ms, which binary fractions miss by a hair.
  const value = Math.abs(exact - Math.round(exact)) < 1e-6 ? Math.round(exact) : exact;
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
