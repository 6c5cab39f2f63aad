/** A promise, with what came of it. */
export interface Verdict {
  readonly promise: string;
  readonly isKept: boolean;
  readonly found: string;
}

/** How a figure is written. */
export type Unit = (value: number) => string;

/** A share: 0.998 is `99.8 %`. */
export const percent: Unit = (share) => `${(share * 100).toFixed(1)} %`;
/** A ratio of latencies or counts. */
export const times: Unit = (ratio) => `${ratio.toFixed(2)} ×`;
/** A number of calls. */
export const calls: Unit = (count) => `${Math.round(count)} calls`;

/** A figure that must not be smaller. */
export function atLeast(what: string, found: number, bound: number, unit: Unit): Verdict {
  return { promise: `${what} ≥ ${unit(bound)}`, isKept: found >= bound, found: unit(found) };
}

/**
 * A figure that must not be larger.
 * @param noise by how much a busy machine may make it larger
 */
export function atMost(
  what: string,
  found: number,
  bound: number,
  unit: Unit,
  noise = 1,
): Verdict {
  return {
    promise: `${what} ≤ ${unit(bound)}`,
    isKept: found <= bound * noise,
    found: unit(found) + (found > bound && found <= bound * noise ? ", within the noise" : ""),
  };
}
