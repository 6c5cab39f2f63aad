import { assertEquals, assertStrictEquals } from "@std/assert";
import { joinBytes } from "../../../lib/core/bytes.ts";
import { property } from "../../support/random.ts";

Deno.test("no chunks join to no bytes", () => {
  assertEquals(joinBytes([]), new Uint8Array());
});

Deno.test("a single chunk is given back as it is", () => {
  const chunk = new Uint8Array([1, 2]);
  assertStrictEquals(joinBytes([chunk]), chunk);
});

property("chunks join in order, empty ones too", 100, (random) => {
  const chunks = random.list(0, 6, () => random.list(0, 4, () => random.int(0, 255)));
  assertEquals([...joinBytes(chunks.map((chunk) => new Uint8Array(chunk)))], chunks.flat());
});

Deno.test("what was joined does not change with its chunks", () => {
  const chunk = new Uint8Array([1]);
  const joined = joinBytes([chunk, new Uint8Array([2])]);
  chunk[0] = 9;
  assertEquals(joined, new Uint8Array([1, 2]));
});
