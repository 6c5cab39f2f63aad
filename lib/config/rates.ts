/** A number of tokens per period. */
export interface Rate {
  readonly tokens: number;
  readonly periodMs: number;
}

const PERIODS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Maximum rate, in tokens per millisecond. */
const MOST_PER_MS = 1_000;

/**
 * Parses `5/s`, `100/min`, `1000/h` or `1/d`, up to 1,000,000 per second; undefined if it is
 * invalid.
 */
export function parseRate(text: unknown): Rate | undefined {
  if (typeof text !== "string") return undefined;
  const [, amount = "", unit = ""] = /^(\d+)\/(s|min|h|d)$/.exec(text) ?? [];
  const tokens = Number(amount);
  const periodMs = PERIODS_MS[unit];
  if (periodMs === undefined || tokens < 1 || tokens > MOST_PER_MS * periodMs) return undefined;
  return { tokens, periodMs };
}

/** Formats tokens per period as a rate: `50/s`, `100/min`. */
export function formatRate({ tokens, periodMs }: Rate): string {
  const units = Object.entries(PERIODS_MS);
  const [unit, ms] = units.find(([, ms]) => tokens * ms % periodMs === 0) ?? ["ms", 1];
  return `${tokens * ms / periodMs}/${unit}`;
}
