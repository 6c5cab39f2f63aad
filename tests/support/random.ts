/** Random numbers that come again with their seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.#next() * (to - from + 1));
  }

  /** True once in `1 / chance` times. */
  bool(chance = 0.5): boolean {
    return this.#next() < chance;
  }

  /** One of the items, of which there must be some. */
  pick<T>(items: readonly T[]): T {
    const item = items.slice(this.int(0, items.length - 1))[0];
    if (item === undefined) throw new Error("there is nothing to pick from");
    return item;
  }

  /** The items in another order. */
  shuffle<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, place: this.#next() }))
      .sort((a, b) => a.place - b.place)
      .map(({ item }) => item);
  }

  /** Up to `most` pieces of a text in a row. */
  text(pieces: readonly string[], most: number): string {
    return this.list(0, most, () => this.pick(pieces)).join("");
  }

  /** From `fewest` to `most` items. */
  list<T>(fewest: number, most: number, item: (index: number) => T): T[] {
    return Array.from({ length: this.int(fewest, most) }, (_, index) => item(index));
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}

/**
 * A test of what must hold whatever comes: it runs once for each seed, and a failure names the seed.
 * `SEED=17 deno task test` runs that seed alone, `RUNS=9000 deno task test` so many seeds.
 */
export function property(
  name: string,
  runs: number,
  holds: (random: Random) => void | Promise<void>,
): void {
  Deno.test(`property: ${name}`, async () => {
    const chosen = Deno.env.get("SEED");
    const seeds = chosen === undefined
      ? Array.from({ length: Number(Deno.env.get("RUNS") ?? runs) }, (_, index) => index + 1)
      : [Number(chosen)];
    for (const seed of seeds) {
      try {
        await holds(new Random(seed));
      } catch (error) {
        const told = error instanceof Error ? error.message : String(error);
        throw new Error(`with SEED=${seed}: ${told}`, { cause: error });
      }
    }
  });
}
