import { assert, assertEquals } from "@std/assert";
import { Body } from "../../lib/core/body.ts";
import type { Bytes } from "../../lib/core/bytes.ts";
import type { CacheEntry } from "../../lib/cache/entry.ts";
import { cacheKey } from "../../lib/cache/key.ts";
import type { CacheTier } from "../../lib/cache/tier.ts";
import { selectionKey, varyNames } from "../../lib/cache/variants.ts";

/** A tier for one test. */
export interface OpenTier extends AsyncDisposable {
  readonly tier: CacheTier;
}

const KEEP_MS = 60_000;

function entryOf(body: string | Bytes, more: Partial<CacheEntry> = {}, request = new Headers()) {
  const headers = more.headers ?? new Headers({ "content-type": "text/plain" });
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const entry: CacheEntry = {
    status: 200,
    requestedAt: 1000,
    receivedAt: 1001,
    url: "up /x",
    isAuthorized: false,
    ...more,
    headers,
    body: Body.of(bytes),
    selection: selectionKey(varyNames(headers), request),
  };
  return entry;
}

async function textOf(tier: CacheTier, key: string, request = new Headers()) {
  const entry = await tier.get(key, request);
  return entry && new TextDecoder().decode(await entry.body.bytes(Infinity));
}

/** What every tier of the cache must do, as tests. Each opens a tier of its own, which is empty. */
export function testCacheTier(name: string, open: () => Promise<OpenTier>): void {
  Deno.test(`${name}: what was kept comes back as it was`, async () => {
    await using opened = await open();
    const { tier } = opened;
    assertEquals(await tier.get("k", new Headers()), undefined);
    const headers = new Headers({ etag: '"a"', "x-a": "1, 2" });
    const kept = entryOf("hello", { status: 404, headers, isAuthorized: true, url: "up /é" });
    await tier.set("k", kept, KEEP_MS);
    const entry = await tier.get("k", new Headers());
    assert(entry);
    const { body, headers: found, ...rest } = entry;
    const { body: _, headers: __, ...expected } = kept;
    assertEquals(rest, expected);
    assertEquals([...found], [...headers]);
    assertEquals(new TextDecoder().decode(await body.bytes(Infinity)), "hello");
    assertEquals(await tier.get("other", new Headers()), undefined);
  });

  for (const size of [0, 1, 60 * 1024, 60 * 1024 + 1, 700_000, 4 * 2 ** 20]) {
    Deno.test(`${name}: a body of ${size} bytes`, async () => {
      await using opened = await open();
      const bytes = Uint8Array.from(
        { length: size },
        (_, index) => (index * 31 + index / 977) % 256,
      );
      await opened.tier.set("k", entryOf(bytes), KEEP_MS);
      const entry = await opened.tier.get("k", new Headers());
      assertEquals(await entry?.body.bytes(Infinity), bytes);
    });
  }

  Deno.test(`${name}: variants stand side by side, and each is replaced alone`, async () => {
    await using opened = await open();
    const { tier } = opened;
    const vary = new Headers({ vary: "Accept-Language" });
    const [de, is, none] = [{ "accept-language": "de" }, { "accept-language": "is" }, {}]
      .map((headers) => new Headers(headers));
    assert(de && is && none);
    await tier.set("k", entryOf("de", { headers: vary }, de), KEEP_MS);
    await tier.set("k", entryOf("is", { headers: vary }, is), KEEP_MS);
    assertEquals([await textOf(tier, "k", de), await textOf(tier, "k", is)], ["de", "is"]);
    assertEquals(await textOf(tier, "k", none), undefined);
    await tier.set("k", entryOf("de 2", { headers: vary }, de), KEEP_MS);
    assertEquals([await textOf(tier, "k", de), await textOf(tier, "k", is)], ["de 2", "is"]);
    await tier.set("k", entryOf("all", { receivedAt: 2000 }), KEEP_MS);
    assertEquals([await textOf(tier, "k", none), await textOf(tier, "k", de)], ["all", "all"]);
  });

  Deno.test(`${name}: what is deleted is gone, with all its variants`, async () => {
    await using opened = await open();
    const { tier } = opened;
    const vary = new Headers({ vary: "a" });
    const request = new Headers({ a: "1" });
    await tier.set("k", entryOf("1", { headers: vary }, request), KEEP_MS);
    await tier.set("k", entryOf("2", { headers: vary }), KEEP_MS);
    await tier.set("other", entryOf("3"), KEEP_MS);
    await tier.delete("k");
    assertEquals([await textOf(tier, "k"), await textOf(tier, "k", request)], [
      undefined,
      undefined,
    ]);
    assertEquals(await textOf(tier, "other"), "3");
    await tier.set("k", entryOf("4"), KEEP_MS);
    assertEquals(await textOf(tier, "k"), "4");
  });

  Deno.test(`${name}: what an address has is forgotten under all its keys, and no other's`, async () => {
    await using opened = await open();
    const { tier } = opened;
    const others = ["up /x/y", "up /xy", cacheKey("up /", ["up /x"]), "up /"];
    const keys = ["up /x", cacheKey("up /x", ["a"]), cacheKey("up /x", ["a", "b"])];
    for (const key of [...keys, ...others]) await tier.set(key, entryOf(key), KEEP_MS);
    await tier.invalidate("up /x");
    for (const key of keys) assertEquals(await textOf(tier, key), undefined);
    for (const key of others) assertEquals(await textOf(tier, key), key);
    await tier.set("up /x", entryOf("new"), KEEP_MS);
    assertEquals(await textOf(tier, "up /x"), "new");
  });

  Deno.test(`${name}: keys and headers of any length`, async () => {
    await using opened = await open();
    const { tier } = opened;
    const [one, other] = ["a", "b"].map((end) => "x".repeat(10_000) + end);
    assert(one && other);
    const headers = new Headers({ "x-long": "y".repeat(8_000), vary: "z" });
    const request = new Headers({ z: "z".repeat(8_000) });
    await tier.set(one, entryOf("1", { headers }, request), KEEP_MS);
    await tier.set(other, entryOf("2", { headers }, request), KEEP_MS);
    assertEquals([await textOf(tier, one, request), await textOf(tier, other, request)], [
      "1",
      "2",
    ]);
  });

  Deno.test(`${name}: a body of any bytes`, async () => {
    await using opened = await open();
    const bytes = Uint8Array.from({ length: 256 * 3 }, (_, index) => index);
    await opened.tier.set("k", entryOf(bytes), KEEP_MS);
    assertEquals(await (await opened.tier.get("k", new Headers()))?.body.bytes(Infinity), bytes);
  });

  for (
    const status of [200, 203, 204, 206, 299, 301, 308, 400, 404, 410, 418, 451, 500, 503, 599]
  ) {
    Deno.test(`${name}: an answer of status ${status}`, async () => {
      await using opened = await open();
      const text = status === 204 ? "" : "x";
      await opened.tier.set("k", entryOf(text, { status }), KEEP_MS);
      assertEquals((await opened.tier.get("k", new Headers()))?.status, status);
      assertEquals(await textOf(opened.tier, "k"), text);
    });
  }

  Deno.test(`${name}: many headers, and values that are not ASCII`, async () => {
    await using opened = await open();
    const headers = new Headers({ "x-latin": "\u00e9\u00ff \u0080", "x-empty": "" });
    for (let index = 0; index < 500; index++) headers.append(`x-${index}`, "v".repeat(300));
    for (const link of ["<a>", "<b>"]) headers.append("link", link);
    await opened.tier.set("k", entryOf("many", { headers }), KEEP_MS);
    const entry = await opened.tier.get("k", new Headers());
    assertEquals(entry && [...entry.headers], [...headers]);
    assertEquals(await textOf(opened.tier, "k"), "many");
  });

  Deno.test(`${name}: what a request says may be longer than a value of the store`, async () => {
    await using opened = await open();
    const request = new Headers({ z: "z".repeat(100_000) });
    const entry = entryOf("long", { headers: new Headers({ vary: "z" }) }, request);
    await opened.tier.set("k", entry, KEEP_MS);
    assertEquals(await textOf(opened.tier, "k", request), "long");
    assertEquals(await textOf(opened.tier, "k"), undefined);
  });

  Deno.test(`${name}: what is replaced by a shorter or a longer answer is gone`, async () => {
    await using opened = await open();
    for (const size of [200_000, 10, 0, 130_000, 61_440, 61_441]) {
      await opened.tier.set("k", entryOf("x".repeat(size)), KEEP_MS);
      assertEquals((await textOf(opened.tier, "k"))?.length, size);
    }
  });

  Deno.test(`${name}: the answer that was kept last wins, whatever chose the others`, async () => {
    await using opened = await open();
    const { tier } = opened;
    const request = new Headers({ a: "1", b: "2" });
    const varyings = ["a", "b", "a, b", "B , A", ""];
    for (const [index, vary] of varyings.entries()) {
      const headers = new Headers(vary === "" ? {} : { vary });
      await tier.set("k", entryOf(`${index}`, { headers }, request), KEEP_MS);
      assertEquals(await textOf(tier, "k", request), `${index}`);
    }
  });

  Deno.test(`${name}: an absent header and an empty one choose two answers`, async () => {
    await using opened = await open();
    const { tier } = opened;
    const headers = new Headers({ vary: "a" });
    const empty = new Headers({ a: "" });
    await tier.set("k", entryOf("absent", { headers }), KEEP_MS);
    await tier.set("k", entryOf("empty", { headers }, empty), KEEP_MS);
    assertEquals([await textOf(tier, "k"), await textOf(tier, "k", empty)], ["absent", "empty"]);
  });

  Deno.test(`${name}: variants that were deleted stay gone when another comes`, async () => {
    await using opened = await open();
    const { tier } = opened;
    const headers = new Headers({ vary: "a" });
    const [one, two] = ["1", "2"].map((a) => new Headers({ a }));
    await tier.set("k", entryOf("old 1", { headers }, one), KEEP_MS);
    await tier.set("k", entryOf("old 2", { headers }, two), KEEP_MS);
    await tier.delete("k");
    await tier.set("k", entryOf("new 1", { headers }, one), KEEP_MS);
    assertEquals([await textOf(tier, "k", one), await textOf(tier, "k", two)], [
      "new 1",
      undefined,
    ]);
  });

  Deno.test(`${name}: deleting what is not there is nothing`, async () => {
    await using opened = await open();
    await opened.tier.delete("k");
    assertEquals(await textOf(opened.tier, "k"), undefined);
  });
}
