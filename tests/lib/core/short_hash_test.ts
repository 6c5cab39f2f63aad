import { assertEquals, assertMatch } from "@std/assert";
import { shortHash } from "../../../lib/core/short_hash.ts";

Deno.test("a short hash is the same for the same text, in every process", () => {
  assertEquals(shortHash("a gateway"), shortHash("a gateway"));
  assertMatch(shortHash(""), /^[0-9a-f]{16}$/);
});

Deno.test("texts that differ by little have different hashes", () => {
  const texts = Array.from({ length: 50_000 }, (_, number) => `["http://127.0.0.1:${number}"]`);
  assertEquals(new Set(texts.map(shortHash)).size, texts.length);
});
