import { assert, assertEquals } from "@std/assert";
import type { ResponseMetadata } from "../../../lib/cache/entry.ts";
import { ageMs, lifetimeMs } from "../../../lib/cache/freshness.ts";
import { property } from "../../support/random.ts";

const NOW = Date.UTC(2026, 0, 1);
const HTTP_ALONE = { ttlMs: undefined, override: false };
const DAY_S = 86_400;

/** The HTTP-date so many seconds from now. */
function date(seconds: number): string {
  return new Date(NOW + seconds * 1000).toUTCString();
}

function answer(headers: HeadersInit, facts: Partial<ResponseMetadata> = {}): ResponseMetadata {
  const times = { requestedAt: NOW, receivedAt: NOW };
  return { status: 200, headers: new Headers(headers), isAuthorized: false, ...times, ...facts };
}

interface LifetimeCase {
  readonly what: string;
  readonly headers: Record<string, string>;
  readonly status?: number;
  readonly seconds: number;
}

const LIFETIMES: readonly LifetimeCase[] = [
  { what: "nothing", headers: {}, seconds: 0 },
  { what: "max-age", headers: { "cache-control": "max-age=60" }, seconds: 60 },
  { what: "max-age of 0", headers: { "cache-control": "max-age=0", expires: date(9) }, seconds: 0 },
  {
    what: "s-maxage after max-age",
    headers: { "cache-control": "max-age=60, s-maxage=10" },
    seconds: 10,
  },
  {
    what: "s-maxage above max-age",
    headers: { "cache-control": "s-maxage=90, max-age=1" },
    seconds: 90,
  },
  {
    what: "max-age besides Expires",
    headers: { "cache-control": "max-age=60", expires: date(10) },
    seconds: 60,
  },
  { what: "Expires", headers: { expires: date(60) }, seconds: 60 },
  { what: "Expires after Date", headers: { expires: date(60), date: date(20) }, seconds: 40 },
  { what: "Expires before Date", headers: { expires: date(10), date: date(20) }, seconds: 0 },
  { what: "Expires that is Date", headers: { expires: date(20), date: date(20) }, seconds: 0 },
  { what: "Expires of 0", headers: { expires: "0" }, seconds: 0 },
  { what: "two Expires", headers: { expires: `${date(60)}, ${date(60)}` }, seconds: 0 },
  {
    what: "Expires of a day that is not",
    headers: { expires: "Sat, 30 Feb 2030 00:00:00 GMT" },
    seconds: 0,
  },
  { what: "an invalid Date", headers: { expires: date(60), date: "now" }, seconds: 60 },
  { what: "a negative max-age", headers: { "cache-control": "max-age=-1" }, seconds: 0 },
  {
    what: "an invalid max-age besides Expires",
    headers: { "cache-control": "max-age=x", expires: date(60) },
    seconds: 0,
  },
  {
    what: "an invalid s-maxage besides max-age",
    headers: { "cache-control": "s-maxage=x, max-age=60" },
    seconds: 0,
  },
  {
    what: "CDN-Cache-Control besides all others",
    headers: {
      "cdn-cache-control": "max-age=5",
      "cache-control": "s-maxage=60",
      expires: date(90),
    },
    seconds: 5,
  },
  {
    what: "s-maxage of CDN-Cache-Control",
    headers: { "cdn-cache-control": "max-age=5, s-maxage=7" },
    seconds: 7,
  },
  {
    what: "a CDN-Cache-Control without seconds",
    headers: { "cdn-cache-control": "public", "cache-control": "max-age=9", expires: date(90) },
    seconds: 0,
  },
  {
    what: "an invalid CDN-Cache-Control",
    headers: { "cdn-cache-control": "max-age=", "cache-control": "max-age=9" },
    seconds: 9,
  },
  { what: "a guess", headers: { "last-modified": date(-1_000) }, seconds: 100 },
  {
    what: "a guess from Date",
    headers: { "last-modified": date(-1_000), date: date(-500) },
    seconds: 50,
  },
  {
    what: "a guess of a day at most",
    headers: { "last-modified": date(-100 * DAY_S) },
    seconds: DAY_S,
  },
  { what: "a change to come", headers: { "last-modified": date(100) }, seconds: 0 },
  { what: "a change at no time", headers: { "last-modified": "yesterday" }, seconds: 0 },
  {
    what: "a guess of a status that allows none",
    headers: { "last-modified": date(-1_000) },
    status: 302,
    seconds: 0,
  },
  {
    what: "a guess that is public",
    headers: { "last-modified": date(-1_000), "cache-control": "public" },
    status: 302,
    seconds: 100,
  },
  {
    what: "no guess where something is said",
    headers: { "last-modified": date(-1_000), "cache-control": "max-age=1" },
    seconds: 1,
  },
];

for (const { what, headers, status = 200, seconds } of LIFETIMES) {
  Deno.test(`${what} makes a response fresh for ${seconds} s`, () => {
    assertEquals(lifetimeMs(answer(headers, { status }), HTTP_ALONE), seconds * 1000);
  });
}

Deno.test("the config's ttl counts only where the response states no lifetime", () => {
  const settings = { ttlMs: 7_000, override: false };
  assertEquals(lifetimeMs(answer({}), settings), 7_000);
  assertEquals(lifetimeMs(answer({ "last-modified": date(-1_000) }), settings), 7_000);
  assertEquals(lifetimeMs(answer({ "cache-control": "max-age=1" }), settings), 1_000);
  assertEquals(lifetimeMs(answer({ expires: "0" }), settings), 0);
  assertEquals(lifetimeMs(answer({}, { status: 500 }), settings), 0);
});

Deno.test("with override only the config's ttl counts", () => {
  const settings = { ttlMs: 7_000, override: true };
  assertEquals(lifetimeMs(answer({ "cache-control": "max-age=1" }), settings), 7_000);
  assertEquals(
    lifetimeMs(answer({ "cache-control": "max-age=1" }), { ttlMs: undefined, override: true }),
    1_000,
  );
});

const AGES: readonly (readonly [string, Record<string, string>, number])[] = [
  ["nothing", {}, 0],
  ["Age", { age: "7" }, 7],
  ["Date", { date: date(-5) }, 5],
  ["the larger one, Age", { age: "7", date: date(-5) }, 7],
  ["the larger one, Date", { age: "3", date: date(-5) }, 5],
  ["a Date to come", { date: date(50) }, 0],
  ["the first of two Ages", { age: "3, 9" }, 3],
  ["an Age below 0", { age: "-3" }, 0],
  ["an Age with a fraction", { age: "3.5" }, 0],
  ["an Age that is no number", { age: "old" }, 0],
  ["an Age beyond counting", { age: "9".repeat(30) }, 2 ** 31],
  ["an invalid Date", { date: "then" }, 0],
];

for (const [what, headers, seconds] of AGES) {
  Deno.test(`${what} makes a response ${seconds} s old at receipt`, () => {
    assertEquals(ageMs(answer(headers), NOW), seconds * 1000);
  });
}

/** RFC 9111 section 4.2.3, line by line, in whole seconds until it came. */
function modelAge(
  times: { date: number; age: number; requested: number; received: number; now: number },
): number {
  const seconds = (ms: number) => Math.trunc(ms / 1000) * 1000;
  const isForThisRequest = times.date >= seconds(times.requested);
  const apparentAge = isForThisRequest ? 0 : seconds(Math.max(0, times.received - times.date));
  const responseDelay = seconds(times.received - times.requested);
  const correctedAge = times.age + responseDelay;
  const correctedInitialAge = Math.max(apparentAge, correctedAge);
  const residentTime = times.now - times.received;
  return correctedInitialAge + residentTime;
}

property("an answer's age is that of the RFC", 500, (random) => {
  const requested = NOW + random.int(0, 100_000);
  const received = requested + random.int(0, 100_000);
  const now = received + random.int(0, 10_000_000);
  const dateS = random.int(-1_000, 1_000);
  const ageS = random.int(0, 1_000);
  const headers = { date: date(dateS), age: String(ageS) };
  const times = { date: NOW + dateS * 1000, age: ageS * 1000, requested, received, now };
  const facts = answer(headers, { requestedAt: requested, receivedAt: received });
  assertEquals(ageMs(facts, now), modelAge(times));
});

property(
  "max-age=1 keeps for a second what was made for the request that took less",
  500,
  (random) => {
    const requested = NOW + random.int(0, 100_000);
    const made = requested + random.int(0, 500);
    const received = made + random.int(0, 499);
    const headers = { date: new Date(made).toUTCString(), "cache-control": "max-age=1" };
    const facts = answer(headers, { requestedAt: requested, receivedAt: received });
    const remaining = (now: number) => lifetimeMs(facts, HTTP_ALONE) - ageMs(facts, now);
    assertEquals(remaining(received), 1000);
    assertEquals(remaining(received + 1000), 0);
  },
);

property(
  "a Date from before the request makes a response older, by whole seconds",
  300,
  (random) => {
    const requested = NOW + random.int(0, 100_000);
    const received = requested + random.int(0, 3_000);
    const secondsBefore = random.int(1, 100);
    const dateMs = Math.floor(requested / 1000) * 1000 - secondsBefore * 1000;
    const facts = answer({ date: new Date(dateMs).toUTCString() }, {
      requestedAt: requested,
      receivedAt: received,
    });
    const age = ageMs(facts, received);
    assert(age >= secondsBefore * 1000);
    assert(age <= received - dateMs && received - dateMs - age < 1000);
  },
);

property("a clock that is set back makes no age below 0, nor a younger answer", 300, (random) => {
  const moment = () => NOW + random.int(-1_000_000, 1_000_000);
  const facts = answer({ age: String(random.int(0, 100)) }, {
    requestedAt: moment(),
    receivedAt: moment(),
  });
  const ages = [moment(), moment()].sort((a, b) => a - b).map((now) => ageMs(facts, now));
  assert((ages[0] ?? -1) >= 0 && (ages[0] ?? 0) <= (ages[1] ?? -1));
});

property("what is said first counts, whatever comes after it", 300, (random) => {
  const said = [
    ["cdn-cache-control", "max-age", random.int(0, 1_000)],
    ["cache-control", "s-maxage", random.int(0, 1_000)],
    ["cache-control", "max-age", random.int(0, 1_000)],
    ["expires", "", random.int(0, 1_000)],
  ] as const;
  const chosen = said.filter(() => random.bool(0.7));
  const headers = new Headers();
  for (const [name, directive, seconds] of random.shuffle(chosen)) {
    headers.append(name, directive === "" ? date(seconds) : `${directive}=${seconds}`);
  }
  assertEquals(lifetimeMs(answer(headers), HTTP_ALONE), (chosen[0]?.[2] ?? 0) * 1000);
});
