import { keepTogether, type Shape } from "../support/fleet.ts";

/** A bucket that is too small to lease of, and one that is not. */
const SHAPES: readonly (readonly [name: string, Shape])[] = [
  ["asked for each token", { ratePerS: 20, burst: 50 }],
  ["leased of", { ratePerS: 20, burst: 120 }],
];

for (const [name, shape] of SHAPES) {
  Deno.test(`processes keep one limit, though one is killed, on a bucket that is ${name}`, async () => {
    await keepTogether(shape);
  });
}
