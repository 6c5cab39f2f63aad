import { assertEquals, assertRejects } from "@std/assert";
import { HandOff } from "../../../lib/async/hand_off.ts";
import { settled } from "../../support/manual_clock.ts";

const NEVER = new AbortController().signal;

Deno.test("who gives waits until it is taken, and what was given first is taken first", async () => {
  const rendezvous = new HandOff<{ n: number }>();
  const arrival = rendezvous.arrival();
  const done: number[] = [];
  for (const n of [1, 2]) rendezvous.offer({ n }, NEVER).then(() => done.push(n));
  await arrival;
  await rendezvous.arrival();
  assertEquals(done, []);
  assertEquals(rendezvous.take(), { n: 1 });
  await settled();
  assertEquals(done, [1]);
  assertEquals([rendezvous.take(), rendezvous.take()], [{ n: 2 }, undefined]);
});

Deno.test("an item that was not taken in time is withdrawn", async () => {
  const rendezvous = new HandOff();
  const request = new AbortController();
  const given = rendezvous.offer({}, request.signal);
  request.abort(new Error("too late"));
  await assertRejects(() => given, Error, "too late");
  assertEquals(rendezvous.take(), undefined);
  await assertRejects(() => rendezvous.offer({}, request.signal), Error, "too late");
  assertEquals(rendezvous.take(), undefined);
});

Deno.test("an arrival is seen by who waits, again and again", async () => {
  const rendezvous = new HandOff<{ n: number }>();
  for (const n of [1, 2, 3]) {
    const arrival = rendezvous.arrival();
    rendezvous.offer({ n }, NEVER);
    await arrival;
    assertEquals(rendezvous.take(), { n });
  }
});
