import { Denokv, withDenokv } from "../support/denokv.ts";
import { keepTogether, SHAPES } from "../support/fleet.ts";

withDenokv("processes on one KV Connect server", () => {
  for (const [name, shape] of SHAPES) {
    Deno.test(`KV Connect: processes keep one limit, though one is killed, on a bucket that is ${name}`, async () => {
      await using server = await Denokv.start();
      await keepTogether(shape, server.env);
    });
  }
});
