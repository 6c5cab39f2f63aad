import { assertEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { Purges, type PurgeSubject, tagsOf } from "../../../lib/cache/purges.ts";
import type { CacheEntry } from "../../../lib/cache/entry.ts";

function entryAt(receivedAt: number, headers: Record<string, string> = {}): CacheEntry {
  return {
    status: 200,
    headers: new Headers(headers),
    body: Body.of(new Uint8Array()),
    requestedAt: receivedAt,
    receivedAt,
    selection: "",
    url: "users /7",
    isAuthorized: false,
  };
}

function purgesOf(...purges: [of: PurgeSubject, at: number, isSoft?: boolean][]): Purges {
  const all = new Purges();
  for (const [of, at, isSoft = false] of purges) all.add({ of, at, isSoft });
  return all;
}

Deno.test("without purges nothing is purged", () => {
  assertEquals(new Purges().check(entryAt(0)), undefined);
});

Deno.test("a purge covers what was requested up to then", () => {
  const purges = purgesOf(["all", 100]);
  assertEquals(purges.check(entryAt(99)), { at: 100, isGone: true });
  assertEquals(purges.check(entryAt(100)), { at: 100, isGone: true });
  assertEquals(purges.check(entryAt(101)), undefined);
});

Deno.test("a purge covers its URL alone", () => {
  assertEquals(purgesOf(["url:users /7", 100]).check(entryAt(1))?.isGone, true);
  assertEquals(purgesOf(["url:users /77", 100]).check(entryAt(1)), undefined);
  assertEquals(purgesOf(["url:news /7", 100]).check(entryAt(1)), undefined);
});

Deno.test("a purge of a tag covers all responses with it, and no longer tag", () => {
  const purges = purgesOf(["tag:a", 100]);
  assertEquals(purges.check(entryAt(1, { "cache-tag": "b, a" }))?.isGone, true);
  assertEquals(purges.check(entryAt(1, { "surrogate-key": "b a" }))?.isGone, true);
  assertEquals(purges.check(entryAt(1, { "cache-tag": "ab" })), undefined);
  assertEquals(purges.check(entryAt(1)), undefined);
});

Deno.test("soft purges end freshness at the earliest of their times", () => {
  const purges = purgesOf(["all", 200, true], ["tag:a", 100, true]);
  const tagged = { "cache-tag": "a" };
  assertEquals(purges.check(entryAt(1, tagged)), { at: 100, isGone: false });
  assertEquals(purges.check(entryAt(150, tagged)), { at: 200, isGone: false });
  assertEquals(purges.check(entryAt(201, tagged)), undefined);
});

Deno.test("a hard purge wins over a soft one, in either order", () => {
  const orders = [[true, false], [false, true]] as const;
  for (const [first, second] of orders) {
    assertEquals(
      purgesOf(["all", 100, first], ["all", 100, second]).check(entryAt(1))?.isGone,
      true,
    );
  }
  const purges = purgesOf(["all", 100], ["all", 200, true]);
  assertEquals(
    purges.check(entryAt(150)),
    { at: 200, isGone: false },
    "it came after the hard one",
  );
});

Deno.test("an older purge that is read late changes nothing", () => {
  const purges = purgesOf(["all", 200], ["all", 100]);
  assertEquals(purges.check(entryAt(150))?.isGone, true);
});

Deno.test("purges of one subject count as one, and are forgotten with the last of them", () => {
  const purges = purgesOf(["all", 100], ["all", 200, true], ["tag:a", 50]);
  assertEquals(purges.size, 2);
  purges.forgetBefore(150);
  assertEquals(purges.size, 1);
  assertEquals(purges.check(entryAt(120)), { at: 200, isGone: false });
  purges.forgetBefore(201);
  assertEquals(purges.size, 0);
});

Deno.test("tags are read from both headers, and empty ones are none", () => {
  const headers = new Headers({ "cache-tag": " a,, b c ,", "surrogate-key": " d  e " });
  assertEquals(tagsOf(headers), ["a", "b c", "d", "e"]);
  assertEquals(tagsOf(new Headers()), []);
});
