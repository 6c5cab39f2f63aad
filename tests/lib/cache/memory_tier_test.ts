import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import type { CacheEntry } from "../../../lib/cache/entry.ts";
import { MemoryTier } from "../../../lib/cache/memory_tier.ts";
import { selectionKey, varyNames } from "../../../lib/cache/variants.ts";
import { property } from "../../support/random.ts";

/** An answer of that many bytes, chosen by the `Accept-Language` of its request. */
function answer(bytes: number, language?: string): CacheEntry {
  const headers = new Headers(language === undefined ? {} : { vary: "accept-language" });
  const request = requestIn(language);
  return {
    status: 200,
    headers,
    body: Body.of(new Uint8Array(bytes)),
    requestedAt: 0,
    receivedAt: 0,
    selection: selectionKey(varyNames(headers), request),
    url: "it /",
    isAuthorized: false,
  };
}

function requestIn(language?: string): Headers {
  return new Headers(language === undefined ? {} : { "accept-language": language });
}

Deno.test("a stored response is found under its key alone, until it is deleted", () => {
  const tier = new MemoryTier(100_000);
  const kept = answer(10);
  tier.set("a", kept);
  assertStrictEquals(tier.get("a", requestIn()), kept);
  assertEquals(tier.get("b", requestIn()), undefined);
  tier.delete("a");
  assertEquals(tier.get("a", requestIn()), undefined);
  assertEquals([tier.keys, tier.bytes], [0, 0]);
});

Deno.test("variants are stored side by side, and a new one replaces only its own", () => {
  const tier = new MemoryTier(100_000);
  const [de, en, newer] = [answer(1, "de"), answer(2, "en"), answer(3, "de")];
  tier.set("a", de);
  tier.set("a", en);
  assertStrictEquals(tier.get("a", requestIn("de")), de);
  tier.set("a", newer);
  assertStrictEquals(tier.get("a", requestIn("de")), newer);
  assertStrictEquals(tier.get("a", requestIn("en")), en);
  assertEquals(tier.get("a", requestIn("fr")), undefined);
  assertEquals(tier.get("a", requestIn()), undefined, "no header is another than any");
});

Deno.test("of several variants that a request selects it gets the newest", () => {
  const tier = new MemoryTier(100_000);
  const [varying, plain] = [answer(1, "de"), answer(2)];
  tier.set("a", varying);
  tier.set("a", plain);
  assertStrictEquals(tier.get("a", requestIn("de")), plain);
  const again = answer(3, "de");
  tier.set("a", again);
  assertStrictEquals(tier.get("a", requestIn("de")), again);
});

Deno.test("a key has at most 32 variants: the oldest are evicted first", () => {
  const tier = new MemoryTier(1_000_000);
  for (let index = 0; index < 40; index++) tier.set("a", answer(1, `x${index}`));
  assertEquals(tier.get("a", requestIn("x7")), undefined);
  assert(tier.get("a", requestIn("x8")));
  assert(tier.get("a", requestIn("x39")));
  assertEquals(tier.list(100).length, 32);
});

Deno.test("the least recently used are evicted first", () => {
  const tier = new MemoryTier(50_000);
  for (const key of ["a", "b", "c"]) tier.set(key, answer(12_000));
  tier.get("a", requestIn());
  tier.set("d", answer(12_000));
  assertEquals(tier.get("b", requestIn()), undefined);
  for (const key of ["a", "c", "d"]) assert(tier.get(key, requestIn()), key);
});

Deno.test("a response larger than the whole memory is not stored", () => {
  const tier = new MemoryTier(10_000);
  tier.set("a", answer(10_001));
  assertEquals([tier.get("a", requestIn()), tier.keys], [undefined, 0]);
});

Deno.test("a response that is too large removes only its own variant", () => {
  const tier = new MemoryTier(10_000);
  const small = answer(10, "de");
  tier.set("a", small);
  tier.set("a", answer(20_000, "en"));
  assertEquals(tier.get("a", requestIn("en")), undefined);
  assertStrictEquals(tier.get("a", requestIn("de")), small);
});

Deno.test("the list starts with the most recently used", () => {
  const tier = new MemoryTier(100_000);
  tier.set("a", answer(10));
  tier.set("b", answer(20, "de"));
  tier.get("a", requestIn());
  assertEquals(tier.list(10).map(({ key }) => key), ["a", "b"]);
  assertEquals(tier.list(1).map(({ key }) => key), ["a"]);
});

property("memory never holds more than it may, and only what was kept", 200, (random) => {
  const maxBytes = random.int(1_000, 30_000);
  const tier = new MemoryTier(maxBytes);
  const latest = new Map<string, CacheEntry>();
  for (let step = 0; step < 200; step++) {
    const key = random.pick(["a", "b", "c", "d"]);
    const language = random.pick(["de", "en", "fr"]);
    const name = `${key} ${language}`;
    if (random.bool(0.5)) {
      const entry = answer(random.int(0, 8_000), language);
      tier.set(key, entry);
      latest.set(name, entry);
    } else if (random.bool(0.2)) {
      tier.delete(key);
      for (const other of latest.keys()) if (other.startsWith(key)) latest.delete(other);
    } else {
      const got = tier.get(key, requestIn(language));
      if (got) assertStrictEquals(got, latest.get(name));
    }
    assert(tier.bytes <= maxBytes, `${tier.bytes} of ${maxBytes}`);
    const listed = tier.list(100);
    assertEquals(listed.reduce((sum, { bytes }) => sum + bytes, 0), tier.bytes);
    for (const { entry } of listed) assert([...latest.values()].includes(entry));
  }
});
