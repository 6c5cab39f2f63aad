import {
  type Answer,
  cacheControl,
  conforms,
  date,
  FRESH,
  freshFor,
  type Row,
  twice,
} from "../support/cache_conformance.ts";

conforms([
  ...([
    ["4.2.1", "max-age", cacheControl("max-age=60")],
    ["4.2.1", "max-age in quotes", cacheControl('max-age="60"')],
    ["5.2", "MAX-AGE", cacheControl("MAX-AGE=60")],
    ["4.2.1", "the first of two max-age", cacheControl("max-age=60, max-age=600")],
    ["5.2.2.10", "s-maxage, not max-age", cacheControl("max-age=5, s-maxage=60")],
    ["5.2.2.1", "max-age, not Expires", cacheControl("max-age=60", { expires: date(600) })],
    ["5.3", "Expires", { headers: { expires: date(60) } }],
    ["5.3", "Expires in RFC 850's form", {
      headers: { expires: "Thursday, 01-Jan-26 00:01:00 GMT" },
    }],
    ["5.3", "Expires in asctime's form", { headers: { expires: "Thu Jan  1 00:01:00 2026" } }],
    ["5.3", "Expires, from Date", { headers: { expires: date(100), date: date(40) } }],
    ["4.2.2", "a tenth of the time since the last change", {
      headers: { "last-modified": date(-600) },
    }],
    ["RFC 9213 2.2", "CDN-Cache-Control, not Cache-Control", {
      headers: { "cdn-cache-control": "max-age=60", "cache-control": "max-age=5" },
    }],
    ["RFC 9213 2.2", "CDN-Cache-Control, not s-maxage or Expires", {
      headers: {
        "cdn-cache-control": "max-age=60",
        "cache-control": "s-maxage=600",
        expires: date(5),
      },
    }],
    ["RFC 9213 2.2", "Cache-Control, where CDN-Cache-Control is empty", {
      headers: { "cdn-cache-control": "", "cache-control": "max-age=60" },
    }],
    ["RFC 9213 2.1", "Cache-Control, where CDN-Cache-Control is malformed", {
      headers: { "cdn-cache-control": "max-age=", "cache-control": "max-age=60" },
    }],
    ["RFC 9213 2.1", "Cache-Control, where CDN-Cache-Control has no whole number", {
      headers: { "cdn-cache-control": "max-age=600.5", "cache-control": "max-age=60" },
    }],
    ["RFC 9213 2.1", "Cache-Control, where CDN-Cache-Control has a capital", {
      headers: { "cdn-cache-control": "Max-Age=600", "cache-control": "max-age=60" },
    }],
    ["RFC 9213 2.1", "the last of two in CDN-Cache-Control", {
      headers: { "cdn-cache-control": "max-age=600, max-age=60" },
    }],
    ["4.2.3", "max-age less Age", cacheControl("max-age=100", { age: "40" })],
    ["4.2.3", "max-age less the time since Date", cacheControl("max-age=100", { date: date(-40) })],
    ["5.1", "max-age less the first of two Age", cacheControl("max-age=100", { age: "40, 90" })],
    ["5.1", "max-age, where Age is no number", cacheControl("max-age=60", { age: "x" })],
  ] satisfies [string, string, Answer][]).map(([section, what, origin]): Row => ({
    section,
    requirement: `an answer is fresh for ${what}`,
    exchange: freshFor(60, origin),
  })),
  ...([
    ["5.2.2.1", "max-age=0", cacheControl("max-age=0", { expires: date(60) })],
    ["4.2.1", "a max-age that is no number", cacheControl("max-age=x", { expires: date(60) })],
    ["4.2.1", "a max-age below 0", cacheControl("max-age=-60")],
    ["4.2.1", "a max-age with a fraction", cacheControl("max-age=60.5")],
    ["4.2.1", "an s-maxage that is no number", cacheControl("s-maxage=x, max-age=60")],
    ["5.2.2.10", "s-maxage=0", cacheControl("s-maxage=0, max-age=60")],
    ["5.3", "Expires of 0", { headers: { expires: "0" } }],
    ["5.3", "Expires in the past", { headers: { expires: date(-60) } }],
    ["5.3", "Expires in another time zone", {
      headers: { expires: "Thu, 01 Jan 2026 00:01:00 CET" },
    }],
    ["5.3", "Expires that is Date", { headers: { expires: date(60), date: date(60) } }],
    ["4.2.3", "an Age of all its time", cacheControl("max-age=60", { age: "60" })],
    ["4.2.3", "an Age beyond counting", cacheControl("max-age=60", { age: "9".repeat(20) })],
    ["4.2.3", "a Date as long ago as its time", cacheControl("max-age=60", { date: date(-60) })],
    ["4.2.2", "nothing said at all", {}],
    ["RFC 9213 2.2", "max-age=0 in CDN-Cache-Control", {
      headers: { "cdn-cache-control": "max-age=0", "cache-control": "max-age=60" },
    }],
    ["RFC 9213 2.2", "Expires, where CDN-Cache-Control says nothing of it,", {
      headers: { "cdn-cache-control": "public", expires: date(60) },
    }],
    ["5.3", "Expires of a day that is not", {
      headers: { expires: "Sat, 30 Feb 2030 00:00:00 GMT" },
    }],
    ["RFC 9213 2.2", "no-store in CDN-Cache-Control", {
      headers: { "cdn-cache-control": "no-store", "cache-control": "max-age=60" },
    }],
    ["RFC 9213 2.2", "private in CDN-Cache-Control", {
      headers: { "cdn-cache-control": "private, max-age=60", "cache-control": "max-age=60" },
    }],
  ] satisfies [string, string, Answer][]).map(([section, what, origin]): Row => ({
    section,
    requirement: `${what} leaves nothing fresh`,
    exchange: twice(origin, "origin"),
  })),
  {
    section: "RFC 9213 2.2",
    requirement: "a CDN-Cache-Control wins over the no-store of others",
    exchange: twice({
      headers: { "cdn-cache-control": "max-age=60", "cache-control": "no-store, private" },
    }, "hit"),
  },
  {
    section: "RFC 9213 2.2",
    requirement: "CDN-Cache-Control goes on to the client as it came",
    exchange: [
      { origin: { headers: { "cdn-cache-control": "max-age=60" } }, by: "origin" },
      { by: "hit", has: { "cdn-cache-control": "max-age=60" } },
    ],
  },
  {
    section: "4.2.1",
    requirement: "seconds beyond counting are as long as they can be",
    exchange: [
      { origin: cacheControl("max-age=99999999999999999999"), by: "origin" },
      { after: 500_000, by: "hit" },
    ],
  },
  {
    section: "4.2.2",
    requirement: "what is guessed is a day at most",
    exchange: freshFor(86_400, { headers: { "last-modified": date(-100 * 86_400) } }),
  },
  {
    section: "4.2.3",
    requirement: "the time that the origin took counts as age",
    exchange: [
      { origin: { ...cacheControl("max-age=60", { age: "10" }), takes: 20 }, by: "origin" },
      { by: "hit", has: { age: "30" } },
      { after: 29, by: "hit", has: { age: "59" } },
      { after: 1, by: "origin" },
    ],
  },
  {
    section: "5.1",
    requirement: "what is used again says its age",
    exchange: [
      { origin: FRESH, by: "origin", has: { age: null } },
      { by: "hit", has: { age: "0" } },
      { after: 7, by: "hit", has: { age: "7" } },
    ],
  },
  {
    section: "5.1",
    requirement: "the age that came is added to, not added twice",
    exchange: [
      { origin: cacheControl("max-age=60", { age: "10", date: date(-5) }), by: "origin" },
      { after: 3, by: "hit", has: { age: "13" } },
    ],
  },
  {
    section: "4.2.3",
    requirement: "a Date to come makes no age below 0",
    exchange: [
      { origin: cacheControl("max-age=60", { date: date(1_000) }), by: "origin" },
      { after: 3, by: "hit", has: { age: "3" } },
    ],
  },
  {
    section: "4.2",
    requirement: "Date, Expires and Cache-Control reach the client as they came",
    exchange: [
      { origin: cacheControl("max-age=60", { date: date(-1), expires: date(9) }), by: "origin" },
      {
        after: 3,
        by: "hit",
        has: { date: date(-1), expires: date(9), "cache-control": "max-age=60" },
      },
    ],
  },
  {
    section: "4.2.2",
    requirement: "the config's ttl counts where nothing is said",
    cache: { ttl: "60s" },
    exchange: freshFor(60, {}),
  },
  {
    section: "4.2.1",
    requirement: "what is said wins over the config's ttl",
    cache: { ttl: "60s" },
    exchange: freshFor(5, cacheControl("max-age=5")),
  },
]);
