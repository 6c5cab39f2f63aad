import { assertEquals } from "@std/assert";
import { watchFiles } from "../../../lib/process/watch_files.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

Deno.test("a file that changed and then stays the same is told once", async () => {
  const clock = new ManualClock();
  const states = new Map([["a", "1"], ["b", "1"]]);
  let files = ["a"];
  let told = 0;
  const end = new AbortController();
  const watching = watchFiles({
    files: () => files,
    clock,
    onChange: () => told++,
    look: (url) => Promise.resolve(states.get(url) ?? "missing"),
  }, end.signal);
  await settled();
  await clock.advance(2_000);
  assertEquals(told, 0);
  for (const state of ["2", "3", "4"]) {
    states.set("a", state); // still being written
    await clock.advance(500);
  }
  assertEquals(told, 0);
  await clock.advance(500);
  assertEquals(told, 1);
  await clock.advance(2_000);
  assertEquals(told, 1);

  files = ["a", "b"]; // it imports another one now
  await clock.advance(2_000);
  assertEquals(told, 1);
  states.set("b", "2");
  await clock.advance(1_000);
  assertEquals(told, 2);

  states.delete("a"); // an editor replaces it
  await clock.advance(500);
  states.set("a", "4");
  await clock.advance(2_000);
  assertEquals(told, 2);
  end.abort();
  await watching;
  assertEquals(clock.sleeping, 0);
});
