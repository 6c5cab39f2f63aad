import { assertEquals } from "@std/assert";
import { MessageRate } from "../../../lib/transport/web_socket/message_rate.ts";

Deno.test("messages: a burst, then the rate, and a full burst after a quiet time", () => {
  const rate = new MessageRate({ intervalMs: 100, burst: 3 });
  const taken = (...times: number[]) => times.map((now) => rate.take(now));
  assertEquals(taken(0, 0, 0, 100, 200, 300), [true, true, true, true, true, true]);
  assertEquals(taken(10_000, 10_000, 10_000, 10_099), [true, true, true, false]);
  const small = new MessageRate({ intervalMs: 1000 / 3, burst: 7 });
  assertEquals(Array.from({ length: 8 }, () => small.take(1e9)), [...Array(7).fill(true), false]);
});
