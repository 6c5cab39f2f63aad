import { assertEquals } from "@std/assert";
import { stopTimes } from "../../../lib/process/stop_times.ts";

Deno.test("a stop responds half a second before its end, and earlier only if that is soon", () => {
  assertEquals(stopTimes(4_000), { respondMs: 3_500, closeMs: 3_750, endMs: 4_000 });
  assertEquals(stopTimes(30_000), { respondMs: 29_500, closeMs: 29_750, endMs: 30_000 });
  assertEquals(stopTimes(800), { respondMs: 700, closeMs: 750, endMs: 800 });
});
