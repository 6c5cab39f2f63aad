import { keepTogether, SHAPES } from "../support/fleet.ts";

for (const [name, shape] of SHAPES) {
  Deno.test(`processes keep one limit, though one is killed, on a bucket that is ${name}`, async () => {
    await keepTogether(shape);
  });
}
