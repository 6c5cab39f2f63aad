import { assert, assertEquals } from "@std/assert";
import { parseDirectives } from "../../../lib/cache/directives.ts";
import type { ResponseMetadata } from "../../../lib/cache/entry.ts";
import {
  type CacheSettings,
  NO_DIRECTIVES,
  requestDirectives,
  reuseOf,
} from "../../../lib/cache/reuse.ts";
import { property } from "../../support/random.ts";

const NOW = Date.UTC(2026, 0, 1);
const HTTP_ALONE: CacheSettings = {
  ttlMs: undefined,
  override: false,
  staleMs: undefined,
  staleIfErrorMs: undefined,
};
const WINDOWS = { ...HTTP_ALONE, staleMs: 10_000, staleIfErrorMs: 20_000 };

function answer(cacheControl: string): ResponseMetadata {
  const headers = new Headers({ "cache-control": cacheControl });
  const times = { requestedAt: NOW, receivedAt: NOW };
  return { status: 200, headers, isAuthorized: false, ...times };
}

interface Case {
  /** What the answer says. */
  readonly answer?: string;
  /** What the request says. */
  readonly asks?: string;
  readonly settings?: Partial<CacheSettings>;
  /** How old the answer is (s). */
  readonly age: number;
  readonly use: "fresh" | "stale" | "validate" | "none";
  readonly onError?: boolean;
}

const SWR = "max-age=60, stale-while-revalidate=10";
const OVERRIDE = { ttlMs: 60_000, override: true };

const CASES: readonly Case[] = [
  { age: 0, use: "fresh", onError: true },
  { age: 59, use: "fresh", onError: true },
  { age: 60, use: "validate" },
  { age: 61, use: "validate" },
  { answer: "max-age=60, no-cache", age: 0, use: "validate" },
  { answer: 'max-age=60, no-cache="x"', age: 0, use: "validate" },
  { answer: "max-age=60, must-revalidate", age: 59, use: "fresh" },

  { asks: "no-cache", age: 0, use: "validate", onError: true },
  { asks: "max-age=0", age: 0, use: "fresh", onError: true },
  { asks: "max-age=0", age: 1, use: "validate", onError: true },
  { asks: "max-age=5", age: 5, use: "fresh", onError: true },
  { asks: "max-age=5", age: 6, use: "validate", onError: true },
  { asks: "max-age=x", age: 1, use: "validate", onError: true },
  { asks: "max-age=100", age: 61, use: "validate" },
  { asks: "min-fresh=10", age: 50, use: "fresh", onError: true },
  { asks: "min-fresh=10", age: 51, use: "validate", onError: true },
  { asks: "min-fresh=10", answer: SWR, age: 65, use: "validate" },

  { asks: "max-stale", age: 1_000, use: "fresh" },
  { asks: "max-stale=10", age: 70, use: "fresh" },
  { asks: "max-stale=10", age: 71, use: "validate" },
  { asks: "max-stale=x", age: 61, use: "validate" },
  { asks: "max-stale, max-age=65", age: 64, use: "fresh" },
  { asks: "max-stale, max-age=65", age: 66, use: "validate" },
  { asks: "max-stale", answer: "max-age=60, must-revalidate", age: 61, use: "validate" },
  { asks: "max-stale", answer: "max-age=60, proxy-revalidate", age: 61, use: "validate" },
  { asks: "max-stale", answer: "s-maxage=60", age: 61, use: "validate" },
  { asks: "max-stale", answer: "max-age=60, no-cache", age: 61, use: "validate" },

  { answer: SWR, age: 69, use: "stale" },
  { answer: SWR, age: 70, use: "validate" },
  { answer: SWR, asks: "no-cache", age: 65, use: "validate" },
  { answer: SWR, asks: "max-age=100", age: 65, use: "validate" },
  { answer: SWR, asks: "max-age=100, max-stale", age: 65, use: "stale" },
  { answer: `${SWR}, must-revalidate`, age: 65, use: "validate" },
  { answer: `${SWR}, proxy-revalidate`, age: 65, use: "validate" },
  { answer: "s-maxage=60, stale-while-revalidate=10", age: 65, use: "validate" },
  { answer: "max-age=60, stale-while-revalidate=x", age: 60, use: "validate" },
  { settings: WINDOWS, age: 69, use: "stale", onError: true },
  { settings: WINDOWS, age: 70, use: "validate", onError: true },
  { settings: WINDOWS, answer: SWR + "0", age: 159, use: "stale" },
  {
    settings: WINDOWS,
    answer: "max-age=60, stale-while-revalidate=0",
    age: 60,
    use: "validate",
    onError: true,
  },

  { answer: "max-age=60, stale-if-error=20", age: 79, use: "validate", onError: true },
  { answer: "max-age=60, stale-if-error=20", age: 80, use: "validate" },
  { answer: "max-age=60, stale-if-error=20, must-revalidate", age: 61, use: "validate" },
  { answer: "s-maxage=60, stale-if-error=20", age: 61, use: "validate" },
  { settings: WINDOWS, age: 79, use: "validate", onError: true },
  { settings: WINDOWS, age: 80, use: "validate" },
  { settings: WINDOWS, answer: "max-age=60, stale-if-error=0", age: 71, use: "validate" },

  { settings: OVERRIDE, answer: "no-cache", age: 59, use: "fresh", onError: true },
  { settings: OVERRIDE, answer: "max-age=1", age: 59, use: "fresh", onError: true },
  { settings: OVERRIDE, answer: "max-age=1, must-revalidate", age: 61, use: "validate" },
  {
    settings: { ...WINDOWS, ...OVERRIDE },
    answer: "max-age=1, must-revalidate",
    age: 61,
    use: "stale",
    onError: true,
  },
];

for (const one of CASES) {
  const { answer: said = "max-age=60", asks, settings, age, use } = one;
  const what = JSON.stringify({ said, asks, settings, age });
  Deno.test(`reuse of ${what}: ${use}`, () => {
    const request = new Headers(asks === undefined ? {} : { "cache-control": asks });
    const now = NOW + age * 1000;
    const judged = reuseOf(
      answer(said),
      requestDirectives(request),
      { ...HTTP_ALONE, ...settings },
      { now },
    );
    assertEquals(judged.use, use);
    assertEquals(judged.mayServeOnError, one.onError ?? false, "on an error");
  });
}

Deno.test("a soft purge ends freshness, and the stale windows count from then", () => {
  const at = (seconds: number, settings: CacheSettings) =>
    reuseOf(answer("max-age=60"), NO_DIRECTIVES, settings, {
      now: NOW + seconds * 1000,
      endedAt: NOW + 10_000,
    });
  assertEquals(at(9, WINDOWS).use, "fresh");
  assertEquals(at(9, WINDOWS).remainingMs, 1_000);
  assertEquals(at(10, WINDOWS).use, "stale");
  assertEquals(at(19, WINDOWS).use, "stale");
  assertEquals(at(20, WINDOWS).use, "validate");
  assert(at(29, WINDOWS).mayServeOnError);
  assert(!at(30, WINDOWS).mayServeOnError);
  assertEquals(at(10, HTTP_ALONE).use, "validate");
});

const PRAGMAS: readonly (readonly [Record<string, string>, readonly string[]])[] = [
  [{ pragma: "no-cache" }, ["no-cache"]],
  [{ pragma: "No-Cache" }, ["no-cache"]],
  [{ pragma: "x, no-cache" }, ["no-cache"]],
  [{ pragma: "x" }, []],
  [{ pragma: "no-cache", "cache-control": "max-age=9" }, ["max-age"]],
  [{ pragma: "no-cache", "cache-control": "" }, []],
  [{}, []],
];

for (const [headers, expected] of PRAGMAS) {
  Deno.test(`a request with ${JSON.stringify(headers)} has directives ${JSON.stringify(expected)}`, () => {
    assertEquals([...requestDirectives(new Headers(headers)).keys()], expected);
  });
}

property("an answer that must not be stale serves no longer than it is fresh", 500, (random) => {
  const strict = random.pick(["must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"]);
  const said = random.shuffle([strict, "max-age=60", SWR, "stale-if-error=9"]).join(", ");
  const asks = random.pick(["", "max-stale", "max-stale=1000", "max-age=1000"]);
  const age = random.int(60, 200);
  const judged = reuseOf(answer(said), parseDirectives(asks), {
    ...WINDOWS,
    staleMs: 1e9,
    staleIfErrorMs: 1e9,
  }, { now: NOW + age * 1000 });
  assertEquals([judged.use, judged.mayServeOnError], ["validate", false]);
});

property("a request gets no answer that it did not want", 500, (random) => {
  const [lifetime, age, most, least, stale] = random.list(5, 5, () => random.int(0, 100));
  const asks = [`max-age=${most}`, `min-fresh=${least}`, `max-stale=${stale}`]
    .map((directive) => random.bool() ? directive : "").join();
  const now = NOW + Number(age) * 1000;
  const { use } = reuseOf(answer(`max-age=${lifetime}`), parseDirectives(asks), {
    ...HTTP_ALONE,
  }, { now });
  const remaining = Number(lifetime) - Number(age);
  const isWanted = (!asks.includes("max-age") || Number(age) <= Number(most)) &&
    (!asks.includes("min-fresh") || remaining >= Number(least)) &&
    (remaining > 0 || (asks.includes("max-stale") && -remaining <= Number(stale)));
  assertEquals(use, isWanted ? "fresh" : "validate", `${lifetime} ${age} ${asks}`);
});

for (const piece of ["no-cache,", "max-age=", '"', "\\", " ", ",", "no-cach e"]) {
  Deno.test(`reuse is decided for requests of 200,000 characters of ${piece}`, () => {
    // What is quadratic would take minutes.
    const text = piece.repeat(200_000 / piece.length);
    for (const name of ["cache-control", "pragma"]) {
      reuseOf(answer(text), requestDirectives(new Headers({ [name]: text })), HTTP_ALONE, {
        now: NOW,
      });
    }
  });
}
