import type { WorkerFunction } from "sluice";

/** A place on a map; both numbers in kilometres. */
export interface Place {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

/** A round trip through all places. */
export interface Trip {
  readonly places: readonly string[];
  readonly km: number;
}

/**
 * Finds the shortest round trip by trying them all: 12 places take a moment, 20 would take years. It
 * never checks its signal, so its thread is terminated at the timeout.
 */
const roundTrip: WorkerFunction<{ readonly places: readonly Place[] }, Trip> = ({ places }) => {
  const [start, ...others] = places;
  if (start === undefined) return { places: [], km: 0 };
  let best: { readonly way: readonly Place[]; readonly km: number } = { way: [], km: Infinity };
  const walk = (way: readonly Place[], here: Place, km: number, left: readonly Place[]): void => {
    if (km >= best.km) return;
    if (left.length === 0) {
      const whole = km + distance(here, start);
      if (whole < best.km) best = { way, km: whole };
    }
    for (const next of left) {
      walk([...way, next], next, km + distance(here, next), left.filter((place) => place !== next));
    }
  };
  walk([start], start, 0, others);
  return { places: best.way.map(({ name }) => name), km: Math.round(best.km) };
};

export default roundTrip;

function distance(a: Place, b: Place): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
