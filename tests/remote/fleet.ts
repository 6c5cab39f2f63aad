import { Denokv, withDenokv } from "../support/denokv.ts";
import { keepTogether, type Shape } from "../support/fleet.ts";

/** Narrower than those on a file: a slow machine must come to what they refuse, too. */
const SHAPES: readonly (readonly [name: string, Shape])[] = [
  ["asked for each token", { ratePerS: 100, burst: 25 }],
  ["leased of", { ratePerS: 100, burst: 100 }],
];

withDenokv("processes on one KV Connect server", () => {
  for (const [name, shape] of SHAPES) {
    Deno.test(`KV Connect: processes keep one limit, though one is killed, on a bucket that is ${name}`, async () => {
      await using server = await Denokv.start();
      await keepTogether(shape, server.env);
    });
  }
});
