import { assert, assertEquals } from "@std/assert";
import type { ResponseMetadata } from "../../../lib/cache/entry.ts";
import { CACHEABLE_BY_DEFAULT } from "../../../lib/cache/freshness.ts";
import { allowsAuthorized, isStorable, isStorablePart } from "../../../lib/cache/storability.ts";
import { property } from "../../support/random.ts";

const HTTP_ALONE = { ttlMs: undefined, override: false };
const OVERRIDE = { ttlMs: 60_000, override: true };

function answer(headers: HeadersInit, facts: Partial<ResponseMetadata> = {}): ResponseMetadata {
  const times = { requestedAt: 0, receivedAt: 0 };
  return { status: 200, headers: new Headers(headers), isAuthorized: false, ...times, ...facts };
}

for (const status of CACHEABLE_BY_DEFAULT) {
  Deno.test(`${status} is cacheable by default`, () => {
    const isKept = status === 206 ? isStorablePart : isStorable;
    assert(isKept(answer({}, { status }), HTTP_ALONE));
  });
}

for (const status of [201, 202, 302, 303, 307, 400, 401, 403, 429, 500, 502, 503, 504, 599]) {
  Deno.test(`${status} is cacheable only with explicit freshness`, () => {
    const isKept = (headers: HeadersInit) => isStorable(answer(headers, { status }), HTTP_ALONE);
    assert(!isKept({}));
    assert(!isKept({ "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT", etag: '"1"' }));
    assert(!isKept({ "cache-control": "must-revalidate" }));
    assert(!isKept({ expires: "0", "cdn-cache-control": "must-revalidate" }));
    assert(isKept({ "cache-control": "public" }));
    assert(isKept({ "cache-control": "max-age=1" }));
    assert(isKept({ "cache-control": "s-maxage=1" }));
    assert(isKept({ "cdn-cache-control": "max-age=1" }));
    assert(isKept({ expires: "0" }));
  });
}

for (const status of [206, 304, 412, 416]) {
  Deno.test(`${status} is never stored`, () => {
    const headers = { "cache-control": "public, max-age=60" };
    assert(!isStorable(answer(headers, { status }), HTTP_ALONE));
    assert(!isStorable(answer(headers, { status }), OVERRIDE));
  });
}

interface Case {
  readonly headers: Record<string, string>;
  readonly status?: number;
  readonly isKept: boolean;
  /** What comes of it with `override`. */
  readonly isKeptAnyway: boolean;
}

const CASES: readonly Case[] = [
  { headers: { "cache-control": "no-store" }, isKept: false, isKeptAnyway: true },
  { headers: { "cache-control": "No-Store, max-age=9" }, isKept: false, isKeptAnyway: true },
  { headers: { "cache-control": "private" }, isKept: false, isKeptAnyway: true },
  { headers: { "cache-control": 'private="x-a", max-age=9' }, isKept: false, isKeptAnyway: true },
  { headers: { "cache-control": "public, private" }, isKept: false, isKeptAnyway: true },
  { headers: { "cache-control": "no-cache" }, isKept: true, isKeptAnyway: true },
  { headers: { "cache-control": "must-understand, no-store" }, isKept: true, isKeptAnyway: true },
  {
    headers: { "cache-control": "must-understand, no-store, max-age=9" },
    status: 299,
    isKept: false,
    isKeptAnyway: true,
  },
  {
    headers: { "cache-control": "must-understand, max-age=9" },
    status: 599,
    isKept: false,
    isKeptAnyway: true,
  },
  { headers: { "set-cookie": "a=1" }, isKept: false, isKeptAnyway: false },
  {
    headers: { "set-cookie": "a=1", "cache-control": "public, max-age=9" },
    isKept: false,
    isKeptAnyway: false,
  },
  { headers: { vary: "*" }, isKept: false, isKeptAnyway: false },
  { headers: { vary: "accept, *" }, isKept: false, isKeptAnyway: false },
  { headers: { vary: "no name" }, isKept: false, isKeptAnyway: false },
  { headers: { vary: "accept" }, isKept: true, isKeptAnyway: true },
  {
    headers: { "cdn-cache-control": "max-age=9", "cache-control": "no-store" },
    isKept: true,
    isKeptAnyway: true,
  },
  {
    headers: { "cdn-cache-control": "no-store", "cache-control": "max-age=9" },
    isKept: false,
    isKeptAnyway: true,
  },
  { headers: { "x-no-store": "1", pragma: "no-cache" }, isKept: true, isKeptAnyway: true },
];

for (const { headers, status = 200, isKept, isKeptAnyway } of CASES) {
  const kept = isKept ? "kept" : "not kept";
  Deno.test(`${status} with ${JSON.stringify(headers)} is ${kept}`, () => {
    assertEquals(isStorable(answer(headers, { status }), HTTP_ALONE), isKept);
    assertEquals(isStorable(answer(headers, { status }), OVERRIDE), isKeptAnyway, "override");
  });
}

const AUTHORIZED: readonly (readonly [string, boolean])[] = [
  ["", false],
  ["max-age=60", false],
  ["proxy-revalidate, max-age=60", false],
  ["no-cache", false],
  ["public", true],
  ["s-maxage=60", true],
  ["must-revalidate", true],
  ["Must-Revalidate, max-age=60", true],
];

for (const [cacheControl, isKept] of AUTHORIZED) {
  Deno.test(`"${cacheControl}" allows storing a response to Authorization: ${isKept}`, () => {
    const authorized = answer({ "cache-control": cacheControl }, { isAuthorized: true });
    assertEquals(allowsAuthorized(authorized.headers), isKept);
    assertEquals(isStorable(authorized, HTTP_ALONE), isKept);
    assertEquals(isStorable(authorized, OVERRIDE), isKept, "override");
  });
}

property("no-store, private and Set-Cookie win over whatever else is said", 300, (random) => {
  const others = ["public", "max-age=60", "s-maxage=60", "must-revalidate", "no-cache", 'x="a"'];
  const directives = random.list(0, 4, () => random.pick(others));
  const forbids = random.pick(["no-store", "private", "cookie"]);
  const isCookie = forbids === "cookie";
  const headers = new Headers({
    "cache-control": random.shuffle(isCookie ? directives : [...directives, forbids]).join(", "),
    ...(isCookie ? { "set-cookie": "a=1" } : {}),
  });
  const status = random.pick([...CACHEABLE_BY_DEFAULT, 302, 500]);
  assert(!isStorable(answer(headers, { status, isAuthorized: random.bool() }), HTTP_ALONE));
});
