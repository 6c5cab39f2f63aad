import { assert, assertEquals } from "@std/assert";
import { Turns } from "../../../lib/async/turns.ts";

const MIB = 1024 * 1024;

Deno.test("work that fits into a turn does not wait", () => {
  const turns = new Turns();
  for (let count = 0; count < 100; count++) assertEquals(turns.take(1_000), undefined);
});

Deno.test("what does not fit waits, first come first served, and other work comes between", async () => {
  const turns = new Turns();
  assertEquals(turns.take(4 * MIB), undefined); // one piece is never too large
  const done: string[] = [];
  const pieces = ["a", "b", "c"].map(async (name) => {
    await turns.take(MIB);
    done.push(name);
  });
  const other = new Promise<void>((resolve) =>
    setTimeout(() => {
      done.push("other");
      resolve();
    }, 0)
  );
  assertEquals(turns.waiting, 3);
  await Promise.all([...pieces, other]);
  assertEquals(done.filter((name) => name !== "other"), ["a", "b", "c"]);
  assert(done.indexOf("other") < 2, `another timer waits for one turn: ${done}`);
  assertEquals(turns.waiting, 0);
});
