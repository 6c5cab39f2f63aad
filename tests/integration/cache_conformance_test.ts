import { assertEquals, assertMatch } from "@std/assert";
import type { Clock } from "../../lib/core/clock.ts";
import { systemClock } from "../../lib/core/clock.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ask } from "../support/answer.ts";
import { startGateway } from "../support/gateway.ts";
import { until } from "../support/program.ts";
import { refusingUrl, startRawUpstream, startUpstream } from "../support/upstream.ts";

type CacheConfig = NonNullable<NonNullable<GatewayConfig["upstreams"]>[string]["cache"]>;
type Fields = Readonly<Record<string, string>>;
/** Headers that there must be, and with null those that must not. */
type FieldsToBe = Readonly<Record<string, string | null>>;

/** What the origin answers; its n-th answer has the body "n". */
interface Answer {
  readonly status?: number;
  /** Besides a Date of now. */
  readonly headers?: Fields | ((url: string) => Fields);
  /** Headers of the 304 that a request with a validator gets instead. */
  readonly unchanged?: Fields;
  /** How long it takes (s). */
  readonly takes?: number;
}

interface Step {
  /** How much later than the last step (s). */
  readonly after?: number;
  readonly method?: string;
  readonly path?: string;
  readonly asks?: Fields;
  /** What the origin answers from now on. */
  readonly origin?: Answer;
  /**
   * Who answers: the cache alone (`hit`), the origin (`origin`), the cache once the origin has said
   * that nothing changed (`validated`), the cache while it asks the origin (`refreshing`), the cache
   * because the origin fails (`instead`), or nobody (`none`).
   */
  readonly by: "hit" | "origin" | "validated" | "refreshing" | "instead" | "none";
  readonly status?: number;
  /** Which of the origin's answers the body is from (default: the last one to GET of the path). */
  readonly from?: number;
  readonly has?: FieldsToBe;
  /** What the origin is asked with. */
  readonly sent?: FieldsToBe;
}

/** A requirement, and what shows that it is met. */
interface Row {
  /** Of RFC 9111, where no other is named. */
  readonly section: string;
  readonly requirement: string;
  readonly cache?: CacheConfig;
  readonly exchange: readonly Step[];
}

const START = Date.UTC(2026, 0, 1);

/** A clock that a test moves; what sleeps does so in real time. */
class MovedClock implements Clock {
  #now = 0;
  readonly sleep = systemClock.sleep;
  wall(): number {
    return START + this.#now;
  }
  monotonic(): number {
    return this.#now;
  }
  move(seconds: number): void {
    this.#now += seconds * 1000;
  }
}

/** The HTTP-date so many seconds after the beginning. */
function date(seconds: number): string {
  return new Date(START + seconds * 1000).toUTCString();
}

function cacheControl(value: string, others: Fields = {}): Answer {
  return { headers: { "cache-control": value, ...others } };
}

const FRESH = cacheControl("max-age=60");
const ETAG = cacheControl("max-age=60", { etag: '"a"' });
const LONG_AGO = date(-100_000);

/** What is asked for twice, the second time a moment later. */
function twice(origin: Answer, by: "hit" | "origin", rest: Partial<Step> = {}): readonly Step[] {
  const { status = 200 } = origin;
  return [{ origin, by: "origin", status, ...rest }, { after: 1, by, status, ...rest }];
}

/** What is fresh for so many seconds, and no longer. */
function freshFor(seconds: number, origin: Answer): readonly Step[] {
  return [
    { origin, by: "origin" },
    { after: seconds - 1, by: "hit" },
    { after: 1, by: "origin" },
  ];
}

const STORING: readonly Row[] = [
  {
    section: "3",
    requirement: "an answer to GET that says how long it is fresh is used again",
    exchange: twice(FRESH, "hit"),
  },
  {
    section: "2",
    requirement: "another query is another address",
    exchange: [
      { origin: FRESH, path: "/it?a", by: "origin" },
      { path: "/it?b", by: "origin" },
      { path: "/it", by: "origin" },
      { path: "/it?a", by: "hit" },
    ],
  },
  ...[200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501].map((status): Row => ({
    section: "4.2.2",
    requirement: `a ${status} may be used again for as long as its age lets guess`,
    exchange: twice({ status, headers: { "last-modified": LONG_AGO } }, "hit"),
  })),
  ...[201, 202, 302, 303, 307, 400, 403, 429, 500, 503, 599].map((status): Row => ({
    section: "3",
    requirement: `a ${status} is used again where it says how long it is fresh`,
    exchange: twice({ status, ...FRESH }, "hit"),
  })),
  ...[201, 302, 307, 400, 403, 500, 503].map((status): Row => ({
    section: "4.2.2",
    requirement: `nothing is guessed of a ${status}`,
    exchange: twice({ status, headers: { "last-modified": LONG_AGO } }, "origin"),
  })),
  {
    section: "4.2.2",
    requirement: "a 302 that is public may be used for as long as its age lets guess",
    exchange: twice({
      status: 302,
      headers: { "last-modified": LONG_AGO, "cache-control": "public" },
    }, "hit"),
  },
  ...[206, 412, 416].map((status): Row => ({
    section: "3.3",
    requirement: `a ${status}, which is no whole answer, is not stored`,
    exchange: twice({ status, ...FRESH }, "origin"),
  })),
  ...[
    "no-store",
    "NO-STORE",
    "no-store, max-age=60",
    "max-age=60, no-store",
    "public, max-age=60, no-store",
  ].map((value): Row => ({
    section: "5.2.2.5",
    requirement: `"${value}" stores nothing`,
    exchange: twice(cacheControl(value), "origin"),
  })),
  ...["private", "private, max-age=60", 'private="x-a", max-age=60', "public, private, max-age=60"]
    .map((value): Row => ({
      section: "5.2.2.7",
      requirement: `a shared cache does not store what is "${value}"`,
      exchange: twice(cacheControl(value), "origin"),
    })),
  {
    section: "5.2.2.3",
    requirement: "who understands the status heeds must-understand and not no-store",
    exchange: twice(cacheControl("must-understand, no-store, max-age=60"), "hit"),
  },
  {
    section: "5.2.2.3",
    requirement: "what is not understood and must be is not stored",
    exchange: twice({ status: 299, ...cacheControl("must-understand, max-age=60") }, "origin"),
  },
  {
    section: "5.2.3",
    requirement: "directives that nobody knows change nothing",
    exchange: twice(cacheControl('a, b=c, d="no-store, private, x", max-age=60'), "hit"),
  },
  {
    section: "3",
    requirement: "what sets a cookie goes to one client alone",
    exchange: twice(cacheControl("public, max-age=60", { "set-cookie": "a=1" }), "origin"),
  },
  ...["POST", "PUT", "PATCH", "DELETE", "FOO"].map((method): Row => ({
    section: "3",
    requirement: `an answer to ${method} is used for nothing else`,
    exchange: [
      { origin: FRESH, method, by: "origin" },
      { method, by: "origin" },
      { by: "origin" },
    ],
  })),
  {
    section: "4.3.5",
    requirement: "an answer to HEAD is none to GET",
    exchange: [{ origin: FRESH, method: "HEAD", by: "origin" }, { by: "origin" }],
  },
  {
    section: "5.2.1.5",
    requirement: "what is asked for with no-store is not stored",
    exchange: [
      { origin: FRESH, asks: { "cache-control": "no-store" }, by: "origin" },
      { by: "origin" },
    ],
  },
  {
    section: "3.1",
    requirement: "headers that end at this hop are not stored",
    exchange: [
      {
        origin: cacheControl("max-age=60", {
          "proxy-authenticate": "Basic",
          "keep-alive": "timeout=5",
          "x-kept": "1",
        }),
        by: "origin",
      },
      { by: "hit", has: { "proxy-authenticate": null, "keep-alive": null, "x-kept": "1" } },
    ],
  },
  {
    section: "3.1",
    requirement: "unknown headers are stored",
    exchange: [
      { origin: cacheControl("max-age=60", { "x-a": "1, 2" }), by: "origin" },
      { by: "hit", has: { "x-a": "1, 2" } },
    ],
  },
  {
    section: "3.5",
    requirement: "what was asked for with an Authorization is not stored",
    exchange: [
      { origin: FRESH, asks: { authorization: "a" }, by: "origin" },
      { by: "origin" },
    ],
  },
  ...["public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"].map((value): Row => ({
    section: "3.5",
    requirement: `"${value}" lets others have what was asked for with an Authorization`,
    exchange: [
      { origin: cacheControl(value), asks: { authorization: "a" }, by: "origin" },
      { by: "hit" },
      { asks: { authorization: "b" }, by: "hit" },
    ],
  })),
  {
    section: "3.5",
    requirement: "what nobody allowed for it does not serve an Authorization",
    exchange: [
      { origin: FRESH, by: "origin" },
      { asks: { authorization: "a" }, by: "origin" },
      { by: "hit", from: 1 },
    ],
  },
  {
    section: "3.4",
    requirement: "a request for a part is served from a stored whole",
    exchange: [
      { origin: FRESH, by: "origin" },
      {
        asks: { range: "bytes=0-0" },
        by: "hit",
        status: 206,
        from: 1,
        has: { "content-range": "bytes 0-0/1" },
      },
      { by: "hit", from: 1 },
    ],
  },
];

const FRESHNESS: readonly Row[] = [
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
];

const VARYING: readonly Row[] = [
  {
    section: "4.1",
    requirement: "an answer serves only requests that chose it",
    exchange: [
      { origin: cacheControl("max-age=60", { vary: "X-A" }), asks: { "x-a": "1" }, by: "origin" },
      { asks: { "x-a": "2" }, by: "origin" },
      { asks: { "x-a": "1" }, by: "hit", from: 1 },
      { asks: { "x-a": "2" }, by: "hit", from: 2 },
    ],
  },
  {
    section: "4.1",
    requirement: "a header that is not there matches only one that is not there",
    exchange: [
      { origin: cacheControl("max-age=60", { vary: "x-a" }), by: "origin" },
      { asks: { "x-a": "1" }, by: "origin" },
      { by: "hit", from: 1 },
    ],
  },
  {
    section: "4.1",
    requirement: "all named headers must match",
    exchange: [
      {
        origin: cacheControl("max-age=60", { vary: "x-a, x-b" }),
        asks: { "x-a": "1", "x-b": "1" },
        by: "origin",
      },
      { asks: { "x-a": "1", "x-b": "2" }, by: "origin" },
      { asks: { "x-a": "1" }, by: "origin" },
      { asks: { "x-b": "1", "x-a": "1" }, by: "hit", from: 1 },
    ],
  },
  {
    section: "4.1",
    requirement: "headers that Vary does not name do not matter",
    exchange: [
      {
        origin: cacheControl("max-age=60", { vary: "x-a" }),
        asks: { "x-a": "1", "x-b": "1" },
        by: "origin",
      },
      { asks: { "x-a": "1", "x-b": "2" }, by: "hit" },
    ],
  },
  {
    section: "4.1",
    requirement: "white space around commas does not matter",
    exchange: [
      {
        origin: cacheControl("max-age=60", { vary: "accept" }),
        asks: { accept: "text/a,  text/b" },
        by: "origin",
      },
      { asks: { accept: "text/a,text/b" }, by: "hit" },
      { asks: { accept: "text/b,text/a" }, by: "origin" },
    ],
  },
  {
    section: "4.1",
    requirement: "values differ in their capitals",
    exchange: [
      { origin: cacheControl("max-age=60", { vary: "x-a" }), asks: { "x-a": "a" }, by: "origin" },
      { asks: { "x-a": "A" }, by: "origin" },
    ],
  },
  ...["*", "x-a, *", "*, x-a"].map((vary): Row => ({
    section: "4.1",
    requirement: `Vary "${vary}" matches nothing`,
    exchange: twice(cacheControl("max-age=60", { vary }), "origin"),
  })),
  {
    section: "4.1",
    requirement: "a Vary with something that is no header name matches nothing",
    exchange: twice(cacheControl("max-age=60", { vary: "x-a; q=1" }), "origin"),
  },
  {
    section: "4.1",
    requirement: "each variant has its own freshness",
    exchange: [
      { origin: cacheControl("max-age=60", { vary: "x-a" }), asks: { "x-a": "1" }, by: "origin" },
      { after: 30, asks: { "x-a": "2" }, by: "origin" },
      { after: 30, asks: { "x-a": "1" }, by: "origin" },
      { asks: { "x-a": "2" }, by: "hit", from: 2 },
    ],
  },
  {
    section: "4.1",
    requirement: "of several that match the newest is used",
    exchange: [
      { origin: cacheControl("max-age=60", { vary: "x-a" }), asks: { "x-a": "1" }, by: "origin" },
      {
        origin: FRESH,
        after: 1,
        asks: { "x-a": "1", "cache-control": "no-cache" },
        by: "origin",
      },
      { asks: { "x-a": "1" }, by: "hit", from: 2 },
    ],
  },
];

const VALIDATING: readonly Row[] = [
  {
    section: "4.3.1",
    requirement: "what is out of date is asked for with its ETag, and fresh again after a 304",
    exchange: [
      { origin: { ...ETAG, unchanged: ETAG.headers as Fields }, by: "origin" },
      {
        after: 60,
        by: "validated",
        sent: { "if-none-match": '"a"', "if-modified-since": null },
        from: 1,
      },
      { after: 59, by: "hit", from: 1 },
      { after: 1, by: "validated", from: 1 },
    ],
  },
  {
    section: "4.3.1",
    requirement: "what is out of date is asked for with its Last-Modified",
    exchange: [
      {
        origin: {
          ...cacheControl("max-age=60", { "last-modified": LONG_AGO }),
          unchanged: { "cache-control": "max-age=60" },
        },
        by: "origin",
      },
      {
        after: 60,
        by: "validated",
        sent: { "if-modified-since": LONG_AGO, "if-none-match": null },
        from: 1,
      },
      { after: 59, by: "hit", from: 1 },
    ],
  },
  {
    section: "4.3.1",
    requirement: "both validators are sent where both are there",
    exchange: [
      {
        origin: {
          ...cacheControl("max-age=60", { etag: 'W/"a"', "last-modified": LONG_AGO }),
          unchanged: {},
        },
        by: "origin",
      },
      {
        after: 60,
        by: "validated",
        sent: { "if-modified-since": LONG_AGO, "if-none-match": 'W/"a"' },
        from: 1,
      },
    ],
  },
  {
    section: "4.3.3",
    requirement: "a whole new answer takes the old one's place",
    exchange: [
      { origin: ETAG, by: "origin" },
      { after: 60, origin: cacheControl("max-age=60", { etag: '"b"' }), by: "origin" },
      { by: "hit", from: 2, has: { etag: '"b"' } },
    ],
  },
  {
    section: "4.3.3",
    requirement: "an error that answers a validation is passed on",
    exchange: [
      { origin: ETAG, by: "origin" },
      { after: 60, origin: { status: 503 }, by: "origin", status: 503 },
      {
        origin: { ...ETAG, unchanged: {} },
        by: "validated",
        from: 1,
      },
    ],
  },
  {
    section: "3.2",
    requirement: "a 304 updates what it says and leaves the rest",
    exchange: [
      {
        origin: {
          ...cacheControl("max-age=60", { etag: '"a"', "x-a": "1", "x-b": "1" }),
          unchanged: { "cache-control": "max-age=90", etag: '"a"', "x-b": "2", "x-c": "2" },
        },
        by: "origin",
      },
      {
        after: 60,
        by: "validated",
        from: 1,
        has: { "cache-control": "max-age=90", "x-a": "1", "x-b": "2", "x-c": "2", age: "0" },
      },
      { after: 89, by: "hit", from: 1, has: { "x-a": "1", "x-b": "2", "x-c": "2", age: "89" } },
      { after: 1, by: "validated", from: 1 },
    ],
  },
  {
    section: "3.2",
    requirement: "a 304 does not update what is of the body",
    exchange: [
      {
        origin: {
          ...cacheControl("max-age=60", { etag: '"a"', "content-encoding": "x-a" }),
          unchanged: { etag: '"a"', "content-encoding": "x-b", "content-range": "bytes 0-0/9" },
        },
        by: "origin",
      },
      {
        after: 60,
        by: "validated",
        from: 1,
        has: { "content-encoding": "x-a", "content-range": null },
      },
    ],
  },
  {
    section: "3.2",
    requirement: "a 304 moves Date and Expires on, and with them the freshness",
    exchange: [
      {
        origin: {
          headers: { etag: '"a"', expires: date(60) },
          unchanged: { etag: '"a"', expires: date(160) },
        },
        by: "origin",
      },
      { after: 60, by: "validated", from: 1, has: { date: date(60), expires: date(160) } },
      { after: 99, by: "hit", from: 1, has: { date: date(60), expires: date(160), age: "99" } },
      { after: 1, by: "validated", from: 1 },
    ],
  },
  {
    section: "3.2",
    requirement: "a 304 without Age makes an answer that came old young again",
    exchange: [
      {
        origin: { ...cacheControl("max-age=60", { etag: '"a"', age: "50" }), unchanged: {} },
        by: "origin",
      },
      { after: 10, by: "validated", from: 1 },
      { after: 59, by: "hit", from: 1, has: { age: "59" } },
    ],
  },
  {
    section: "3.2",
    requirement: "a 304 that forbids to store ends what is stored",
    exchange: [
      { origin: { ...ETAG, unchanged: { "cache-control": "no-store" } }, by: "origin" },
      { after: 60, by: "validated", from: 1 },
      { by: "origin", sent: { "if-none-match": null } },
    ],
  },
  {
    section: "4.3.4",
    requirement: "a 304 about another answer updates nothing: the whole is asked for",
    exchange: [
      { origin: { ...ETAG, unchanged: { etag: '"b"', "x-b": "1" } }, by: "origin" },
      {
        after: 60,
        by: "origin",
        sent: { "if-none-match": null },
        has: { etag: '"a"', "x-b": null },
      },
    ],
  },
  {
    section: "4.3.4",
    requirement: "a 304 with another Last-Modified is about what was asked for, too",
    exchange: [
      {
        origin: {
          ...cacheControl("max-age=60", { "last-modified": LONG_AGO }),
          unchanged: { "last-modified": date(-1) },
        },
        by: "origin",
      },
      { after: 60, by: "validated" },
    ],
  },
  {
    section: "4.3.4",
    requirement: "a 304 updates one variant and not the others",
    exchange: [
      {
        origin: {
          ...cacheControl("max-age=60", { vary: "x-a", etag: '"a"', "x-b": "1" }),
          unchanged: { etag: '"a"', "x-b": "2" },
        },
        asks: { "x-a": "1" },
        by: "origin",
      },
      { after: 30, asks: { "x-a": "2" }, by: "origin" },
      { after: 30, asks: { "x-a": "1" }, by: "validated", from: 1, has: { "x-b": "2" } },
      { asks: { "x-a": "2" }, by: "hit", from: 2, has: { "x-b": "1" } },
    ],
  },
  ...([
    ["If-None-Match", { "if-none-match": '"a"' }, 304],
    ["a weak If-None-Match", { "if-none-match": 'W/"a"' }, 304],
    ["one of several", { "if-none-match": '"x", "a"' }, 304],
    ["any", { "if-none-match": "*" }, 304],
    ["another ETag", { "if-none-match": '"x"' }, 200],
    ["If-Modified-Since of the change", { "if-modified-since": LONG_AGO }, 304],
    ["If-Modified-Since after it", { "if-modified-since": date(-1) }, 304],
    ["If-Modified-Since before it", { "if-modified-since": date(-200_000) }, 200],
    ["If-Modified-Since that is no date", { "if-modified-since": "x" }, 200],
    [
      "another ETag, whatever If-Modified-Since says",
      { "if-none-match": '"x"', "if-modified-since": date(-1) },
      200,
    ],
  ] satisfies [string, Fields, number][]).flatMap(([what, asks, status]): Row[] => {
    const origin = cacheControl("max-age=60", { etag: '"a"', "last-modified": LONG_AGO });
    const has = status === 304
      ? { etag: '"a"', "cache-control": "max-age=60", date: date(0), "content-type": null }
      : { etag: '"a"' };
    return [{
      section: "4.3.2",
      requirement: `a client that asks with ${what} gets ${status} from what is stored`,
      exchange: [{ origin, by: "origin" }, { asks, by: "hit", status, has }],
    }, {
      section: "4.3.2",
      requirement: `a client that asks with ${what} gets ${status} where nothing is stored`,
      exchange: [
        {
          origin,
          asks,
          by: "origin",
          status,
          has,
          sent: { "if-none-match": null, "if-modified-since": null },
        },
        { by: "hit" },
      ],
    }];
  }),
  {
    section: "4.3.2",
    requirement: "If-Modified-Since is compared with Date where nothing says when it changed",
    exchange: [
      { origin: FRESH, by: "origin" },
      { asks: { "if-modified-since": date(0) }, by: "hit", status: 304 },
      { asks: { "if-modified-since": date(-1) }, by: "hit" },
    ],
  },
  {
    section: "4.3.2",
    requirement: "a client's condition is not the cache's when it validates",
    exchange: [
      { origin: { ...ETAG, unchanged: {} }, by: "origin" },
      {
        after: 60,
        asks: { "if-none-match": '"mine"' },
        by: "validated",
        from: 1,
        sent: { "if-none-match": '"a"' },
      },
      {
        after: 60,
        asks: { "if-none-match": '"a"' },
        by: "validated",
        status: 304,
        sent: { "if-none-match": '"a"' },
      },
    ],
  },
  {
    section: "4.3.2",
    requirement: "only a 200 becomes a 304",
    exchange: [
      { origin: { status: 404, ...ETAG }, by: "origin", status: 404 },
      { asks: { "if-none-match": '"a"' }, by: "hit", status: 404 },
    ],
  },
  {
    section: "4.3.2",
    requirement: "a 304 tells of its cookie, where one came with the whole answer",
    exchange: [
      {
        origin: cacheControl("no-store", { etag: '"a"', "set-cookie": "a=1" }),
        asks: { "if-none-match": '"a"' },
        by: "origin",
        status: 304,
        has: { "set-cookie": "a=1" },
      },
    ],
  },
  {
    section: "5.2.2.4",
    requirement: "no-cache is used again only once it was validated",
    exchange: [
      {
        origin: { ...cacheControl("no-cache, max-age=60", { etag: '"a"' }), unchanged: {} },
        by: "origin",
      },
      { by: "validated", from: 1 },
      { by: "validated", from: 1 },
    ],
  },
  {
    section: "5.2.2.4",
    requirement: "no-cache of some headers counts for all",
    exchange: [
      {
        origin: { ...cacheControl('no-cache="x-a", max-age=60', { etag: '"a"' }), unchanged: {} },
        by: "origin",
      },
      { by: "validated", from: 1 },
    ],
  },
];

const HEADING: readonly Row[] = [
  {
    section: "RFC 5861 3",
    requirement: "HEAD that is served stale has the response to GET refreshed",
    exchange: [
      { origin: cacheControl("max-age=1, stale-while-revalidate=60"), by: "origin" },
      { after: 10, method: "HEAD", by: "refreshing" },
      { by: "hit", from: 2 },
    ],
  },
  {
    section: "4",
    requirement: "HEAD is answered from what GET got",
    exchange: [
      { origin: cacheControl("max-age=60", { "x-a": "1" }), by: "origin" },
      { after: 5, method: "HEAD", by: "hit", has: { "x-a": "1", age: "5", "content-length": "1" } },
      { method: "HEAD", asks: { "cache-control": "no-cache" }, by: "origin" },
    ],
  },
  {
    section: "4.3.2",
    requirement: "HEAD of what the client has gets 304",
    exchange: [
      { origin: ETAG, by: "origin" },
      { method: "HEAD", asks: { "if-none-match": '"a"' }, by: "hit", status: 304 },
    ],
  },
  {
    section: "4.3.5",
    requirement: "HEAD that shows another ETag ends what is stored",
    exchange: [
      { origin: ETAG, by: "origin" },
      {
        origin: cacheControl("max-age=60", { etag: '"b"' }),
        method: "HEAD",
        asks: { "cache-control": "no-cache" },
        by: "origin",
      },
      { by: "origin" },
    ],
  },
  {
    section: "4.3.5",
    requirement: "HEAD that shows another Last-Modified ends what is stored",
    exchange: [
      { origin: cacheControl("max-age=60", { "last-modified": LONG_AGO }), by: "origin" },
      {
        origin: cacheControl("max-age=60", { "last-modified": date(-1) }),
        method: "HEAD",
        asks: { "cache-control": "no-cache" },
        by: "origin",
      },
      { by: "origin" },
    ],
  },
  {
    section: "4.3.5",
    requirement: "HEAD that shows the same leaves what is stored",
    exchange: [
      { origin: ETAG, by: "origin" },
      { method: "HEAD", asks: { "cache-control": "no-cache" }, by: "origin" },
      { by: "hit", from: 1 },
    ],
  },
  {
    section: "4.3.5",
    requirement: "HEAD that fails leaves what is stored",
    exchange: [
      { origin: ETAG, by: "origin" },
      {
        origin: { status: 500, headers: { etag: '"b"' } },
        method: "HEAD",
        asks: { "cache-control": "no-cache" },
        by: "origin",
        status: 500,
      },
      { by: "hit", from: 1 },
    ],
  },
];

const CHANGING: readonly Row[] = [
  ...["POST", "PUT", "PATCH", "DELETE", "FOO"].flatMap((method): Row[] => [
    ...[200, 204, 303].map((status): Row => ({
      section: "4.4",
      requirement: `${method} that succeeds with ${status} ends what is stored of the address`,
      exchange: [
        { origin: FRESH, by: "origin" },
        { origin: { status }, method, by: "origin", status },
        { origin: FRESH, by: "origin" },
      ],
    })),
    ...[400, 500].map((status): Row => ({
      section: "4.4",
      requirement: `${method} that fails with ${status} ends nothing`,
      exchange: [
        { origin: FRESH, by: "origin" },
        { origin: { status }, method, by: "origin", status },
        { by: "hit", from: 1 },
      ],
    })),
  ]),
  {
    section: "4.4",
    requirement: "HEAD changes nothing, and ends nothing",
    exchange: [
      { origin: FRESH, by: "origin" },
      { method: "HEAD", asks: { "cache-control": "no-cache" }, by: "origin" },
      { by: "hit", from: 1 },
    ],
  },
  {
    section: "4.4",
    requirement: "a change ends all variants",
    exchange: [
      { origin: cacheControl("max-age=60", { vary: "x-a" }), asks: { "x-a": "1" }, by: "origin" },
      { asks: { "x-a": "2" }, by: "origin" },
      { method: "POST", by: "origin" },
      { asks: { "x-a": "1" }, by: "origin" },
      { asks: { "x-a": "2" }, by: "origin" },
    ],
  },
  {
    section: "4.4",
    requirement: "a change ends nothing of other addresses",
    exchange: [
      { origin: FRESH, path: "/other", by: "origin" },
      { path: "/it?a", by: "origin" },
      { method: "POST", path: "/it", by: "origin" },
      { path: "/other", by: "hit" },
      { path: "/it?a", by: "hit" },
    ],
  },
  ...["location", "content-location"].flatMap((name): Row[] => [
    ...([
      ["a path", () => "/other?a"],
      ["a relative path", () => "other?a"],
      ["a whole address", (url: string) => `${url}/other?a`],
      ["an address with a fragment", (url: string) => `${url}/other?a#b`],
    ] satisfies [string, (url: string) => string][]).map(([what, value]): Row => ({
      section: "4.4",
      requirement: `a change ends what its ${name} names with ${what}`,
      exchange: [
        { origin: FRESH, path: "/other?a", by: "origin" },
        {
          origin: { status: 201, headers: (url) => ({ [name]: value(url) }) },
          method: "POST",
          by: "origin",
          status: 201,
        },
        { origin: FRESH, path: "/other?a", by: "origin" },
      ],
    })),
    {
      section: "4.4",
      requirement: `a ${name} elsewhere ends nothing here`,
      exchange: [
        { origin: FRESH, path: "/other?a", by: "origin" },
        {
          origin: { status: 201, headers: { [name]: "http://example.org/other?a" } },
          method: "POST",
          by: "origin",
          status: 201,
        },
        { path: "/other?a", by: "hit" },
      ],
    },
    {
      section: "4.4",
      requirement: `the ${name} of a change that failed ends nothing`,
      exchange: [
        { origin: FRESH, path: "/other?a", by: "origin" },
        {
          origin: { status: 409, headers: { [name]: "/other?a" } },
          method: "POST",
          by: "origin",
          status: 409,
        },
        { path: "/other?a", by: "hit" },
      ],
    },
  ]),
];

/** One request that asks for something of what is a minute fresh, so many seconds later. */
function asking(
  section: string,
  requirement: string,
  asks: Fields,
  steps: readonly (readonly [after: number, by: Step["by"]])[],
  origin = ETAG,
): Row {
  return {
    section,
    requirement,
    exchange: [
      { origin: { ...origin, unchanged: {} }, by: "origin" },
      ...steps.map(([after, by]): Step => ({
        after,
        asks,
        by,
        status: by === "none" ? 504 : 200,
        ...(by === "none" || by === "origin" ? {} : { from: 1 }),
      })),
    ],
  };
}

const ASKING: readonly Row[] = [
  asking("5.2.1.4", "no-cache wants to hear from the origin", { "cache-control": "no-cache" }, [
    [1, "validated"],
  ]),
  asking(
    "5.2.1.4",
    "no-cache without a validator asks for the whole",
    {
      "cache-control": "no-cache",
    },
    [[1, "origin"]],
    FRESH,
  ),
  asking("5.4", "Pragma says it where Cache-Control says nothing", { pragma: "no-cache" }, [
    [1, "validated"],
  ]),
  asking("5.4", "Pragma counts for nothing besides Cache-Control", {
    pragma: "no-cache",
    "cache-control": "max-age=50",
  }, [[1, "hit"]]),
  asking("5.2.1.1", "max-age wants nothing older", { "cache-control": "max-age=10" }, [
    [10, "hit"],
    [1, "validated"],
  ]),
  asking("5.2.1.1", "max-age=0 wants nothing from before", { "cache-control": "max-age=0" }, [
    [1, "validated"],
  ]),
  asking("5.2.1.1", "max-age wants nothing stale", { "cache-control": "max-age=100" }, [
    [61, "validated"],
  ]),
  asking("5.2.1.3", "min-fresh wants what stays fresh", { "cache-control": "min-fresh=10" }, [
    [50, "hit"],
    [1, "validated"],
  ]),
  asking("5.2.1.2", "max-stale takes what is out of date", { "cache-control": "max-stale" }, [
    [1_000, "hit"],
  ]),
  asking("5.2.1.2", "max-stale takes what is not too far out of date", {
    "cache-control": "max-stale=10",
  }, [[70, "hit"], [1, "validated"]]),
  ...["must-revalidate, max-age=60", "proxy-revalidate, max-age=60", "s-maxage=60"].map((value) =>
    asking(
      "4.2.4",
      `max-stale takes nothing out of date that says "${value}"`,
      { "cache-control": "max-stale" },
      [[59, "hit"], [1, "validated"]],
      cacheControl(value, { etag: '"a"' }),
    )
  ),
  asking("5.2.1.7", "only-if-cached takes what is fresh, and nothing else", {
    "cache-control": "only-if-cached",
  }, [[59, "hit"], [1, "none"]]),
  {
    section: "5.2.1.7",
    requirement: "only-if-cached gets 504 where nothing is stored",
    exchange: [{ asks: { "cache-control": "only-if-cached" }, by: "none", status: 504 }],
  },
  {
    section: "5.2.1.7",
    requirement: "only-if-cached gets 504 for a part of what is not stored",
    exchange: [{
      asks: { "cache-control": "only-if-cached", range: "bytes=0-0" },
      by: "none",
      status: 504,
    }],
  },
  {
    section: "5.2.1",
    requirement: "the directives of a request go on to the origin",
    exchange: [{
      origin: FRESH,
      asks: { "cache-control": "no-cache, x=1" },
      by: "origin",
      sent: { "cache-control": "no-cache, x=1" },
    }],
  },
  {
    section: "5.2.1.5",
    requirement: "what was asked for with no-store changes nothing that is stored",
    exchange: [
      { origin: { ...ETAG, unchanged: { etag: '"a"' } }, by: "origin" },
      { after: 60, asks: { "cache-control": "no-store" }, by: "origin", from: 2 },
      { by: "validated", from: 1 },
      { by: "hit", from: 1 },
    ],
  },
  {
    section: "5.2.1.5",
    requirement: "a request's no-store may be served from what is stored",
    exchange: [
      { origin: FRESH, by: "origin" },
      { asks: { "cache-control": "no-store" }, by: "hit" },
    ],
  },
  {
    section: "3",
    requirement: "what If-Match asked for goes to the origin as it came",
    exchange: [{
      origin: ETAG,
      asks: { "if-match": '"a"' },
      by: "origin",
      sent: { "if-match": '"a"' },
    }],
  },
];

const SWR = "max-age=60, stale-while-revalidate=10";
const SIE = "max-age=60, stale-if-error=10";

const STALE: readonly Row[] = [
  {
    section: "RFC 5861 3",
    requirement: "what is out of date serves at once while a new one is fetched",
    exchange: [
      { origin: cacheControl(SWR), by: "origin" },
      { after: 69, by: "refreshing", from: 1, has: { age: "69" } },
      { by: "hit", from: 2, has: { age: "0" } },
    ],
  },
  {
    section: "RFC 5861 3",
    requirement: "what is never fresh may serve while a new one is fetched",
    exchange: [
      { origin: cacheControl("max-age=0, stale-while-revalidate=10"), by: "origin" },
      { after: 5, by: "refreshing", from: 1 },
      { after: 5, by: "refreshing", from: 2 },
    ],
  },
  {
    section: "RFC 5861 4",
    requirement: "what is never fresh may serve in place of an error",
    exchange: [
      { origin: cacheControl("max-age=0, stale-if-error=10"), by: "origin" },
      { origin: { status: 503 }, after: 5, by: "instead", from: 1 },
    ],
  },
  {
    section: "RFC 5861 3",
    requirement: "past its window it serves no longer",
    exchange: [{ origin: cacheControl(SWR), by: "origin" }, { after: 70, by: "origin" }],
  },
  {
    section: "RFC 5861 3",
    requirement: "what is fetched behind the client may be a 304",
    exchange: [
      { origin: { ...cacheControl(SWR, { etag: '"a"' }), unchanged: {} }, by: "origin" },
      { after: 65, by: "refreshing", from: 1, sent: { "if-none-match": '"a"' } },
      { after: 1, by: "hit", from: 1, has: { age: "1" } },
    ],
  },
  {
    section: "RFC 5861 3",
    requirement: "a refresh that fails leaves the stale answer for the next",
    exchange: [
      { origin: cacheControl(SWR), by: "origin" },
      { origin: { status: 503 }, after: 61, by: "refreshing", from: 1 },
      { after: 1, by: "refreshing", from: 1 },
    ],
  },
  ...["must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"].map((strict): Row => ({
    section: "4.2.4",
    requirement: `${strict} wins over both windows of RFC 5861`,
    cache: { stale: "1h", staleIfError: "1h" },
    exchange: [
      { origin: cacheControl(`${SWR}, stale-if-error=10, ${strict}`), by: "origin" },
      { origin: { status: 503 }, after: 61, by: "origin", status: 503 },
    ],
  })),
  {
    section: "RFC 5861 3",
    requirement: "who wants what is no older than it may be gets nothing stale",
    exchange: [
      { origin: cacheControl(SWR), by: "origin" },
      { after: 61, asks: { "cache-control": "max-age=100" }, by: "origin" },
    ],
  },
  {
    section: "RFC 5861 3",
    requirement: "the config's window counts where the answer names none",
    cache: { stale: "10s" },
    exchange: [
      { origin: FRESH, by: "origin" },
      { after: 69, by: "refreshing", from: 1 },
      { after: 70, by: "origin" },
    ],
  },
  {
    section: "RFC 5861 3",
    requirement: "the answer's window wins over the config's",
    cache: { stale: "1h" },
    exchange: [{ origin: cacheControl(SWR), by: "origin" }, { after: 70, by: "origin" }],
  },
  ...[500, 502, 503, 504].map((status): Row => ({
    section: "RFC 5861 4",
    requirement: `what is out of date serves in place of a ${status}`,
    exchange: [
      { origin: cacheControl(SIE), by: "origin" },
      { origin: { status }, after: 69, by: "instead", from: 1, has: { age: "69" } },
      { after: 2, by: "origin", status },
    ],
  })),
  ...[404, 410, 429, 501].map((status): Row => ({
    section: "RFC 5861 4",
    requirement: `a ${status} is no error that what is out of date serves in place of`,
    exchange: [
      { origin: cacheControl(SIE), by: "origin" },
      { origin: { status }, after: 61, by: "origin", status },
    ],
  })),
  {
    section: "RFC 5861 4",
    requirement: "without a window an error is passed on",
    exchange: [
      { origin: FRESH, by: "origin" },
      { origin: { status: 503 }, after: 60, by: "origin", status: 503 },
    ],
  },
  {
    section: "RFC 5861 4",
    requirement: "the config's window counts where the answer names none",
    cache: { staleIfError: "10s" },
    exchange: [
      { origin: FRESH, by: "origin" },
      { origin: { status: 503 }, after: 69, by: "instead", from: 1 },
      { after: 2, by: "origin", status: 503 },
    ],
  },
  {
    section: "RFC 5861 4",
    requirement: "an error does not take the place of what is stored",
    exchange: [
      { origin: cacheControl(SIE), by: "origin" },
      { origin: { status: 503 }, after: 61, by: "instead", from: 1 },
      { origin: FRESH, by: "origin" },
      { by: "hit", from: 3 },
    ],
  },
];

/** What this cache says of each of some requests. */
function telling(requirement: string, exchange: readonly Step[], ...told: string[]): Row {
  return {
    section: "RFC 9211 2",
    requirement,
    exchange: exchange.map((step, index) => ({
      ...step,
      has: { ...step.has, "cache-status": told[index] ?? null },
    })),
  };
}

const TELLING: readonly Row[] = [
  telling(
    "Cache-Status tells a miss, a hit, and what is out of date",
    [
      { origin: FRESH, by: "origin" },
      { after: 5, by: "hit" },
      { after: 57, by: "origin" },
    ],
    "sluice; fwd=uri-miss; fwd-status=200; ttl=60; stored",
    "sluice; hit; ttl=55",
    "sluice; fwd=stale; fwd-status=200; ttl=60; stored",
  ),
  telling(
    "Cache-Status tells that the origin found nothing changed",
    [{ origin: { ...ETAG, unchanged: {} }, by: "origin" }, { after: 62, by: "validated", from: 1 }],
    "sluice; fwd=uri-miss; fwd-status=200; ttl=60; stored",
    "sluice; fwd=stale; fwd-status=304; ttl=60; stored",
  ),
  telling(
    "Cache-Status tells that the request wanted it",
    [{ origin: FRESH, by: "origin" }, { asks: { "cache-control": "no-cache" }, by: "origin" }],
    "sluice; fwd=uri-miss; fwd-status=200; ttl=60; stored",
    "sluice; fwd=request; fwd-status=200; ttl=60; stored",
  ),
  telling(
    "Cache-Status tells what was not stored",
    [{ origin: { status: 404, ...cacheControl("no-store") }, by: "origin", status: 404 }],
    "sluice; fwd=uri-miss; fwd-status=404",
  ),
  telling(
    "Cache-Status tells that the method is not cached",
    [{ origin: { status: 201 }, method: "POST", by: "origin", status: 201 }],
    "sluice; fwd=method; fwd-status=201",
  ),
  telling(
    "Cache-Status tells that no stored variant matched",
    [
      { origin: cacheControl("max-age=60", { vary: "x-a" }), asks: { "x-a": "1" }, by: "origin" },
      { asks: { "x-a": "2" }, by: "origin" },
    ],
    "sluice; fwd=uri-miss; fwd-status=200; ttl=60; stored",
    "sluice; fwd=vary-miss; fwd-status=200; ttl=60; stored",
  ),
  telling(
    "Cache-Status tells how far out of date a hit is",
    [{ origin: cacheControl(SWR), by: "origin" }, { after: 65, by: "refreshing", from: 1 }],
    "sluice; fwd=uri-miss; fwd-status=200; ttl=60; stored",
    "sluice; hit; ttl=-5",
  ),
  telling(
    "Cache-Status tells the error that was passed over",
    [
      { origin: cacheControl(SIE), by: "origin" },
      { origin: { status: 503 }, after: 65, by: "instead", from: 1 },
    ],
    "sluice; fwd=uri-miss; fwd-status=200; ttl=60; stored",
    "sluice; fwd=stale; fwd-status=503; ttl=-5",
  ),
  telling(
    "Cache-Status comes after those of caches nearer the origin",
    [{ origin: cacheControl("max-age=60", { "cache-status": "a; hit" }), by: "origin" }, {
      by: "hit",
    }],
    "a; hit, sluice; fwd=uri-miss; fwd-status=200; ttl=60; stored",
    "a; hit, sluice; hit; ttl=60",
  ),
  telling(
    "Cache-Status is told with a 304",
    [{ origin: ETAG, by: "origin" }, { asks: { "if-none-match": '"a"' }, by: "hit", status: 304 }],
    "sluice; fwd=uri-miss; fwd-status=200; ttl=60; stored",
    "sluice; hit; ttl=60",
  ),
];

const BODILESS: ReadonlySet<number> = new Set([204, 304]);

for (
  const { section, requirement, cache = {}, exchange } of [
    ...STORING,
    ...FRESHNESS,
    ...VARYING,
    ...VALIDATING,
    ...HEADING,
    ...CHANGING,
    ...ASKING,
    ...STALE,
    ...TELLING,
  ]
) {
  Deno.test(`${section}: ${requirement}`, async () => {
    const clock = new MovedClock();
    let answer: Answer = {};
    await using upstream = startUpstream(({ headers: asked }) => {
      const { status = 200, headers = {}, unchanged, takes = 0 } = answer;
      clock.move(takes);
      const common = { date: new Date(clock.wall()).toUTCString() };
      const isAsked = asked.has("if-none-match") || asked.has("if-modified-since");
      if (unchanged && isAsked) {
        return new Response(null, { status: 304, headers: { ...common, ...unchanged } });
      }
      const own = typeof headers === "function" ? headers(upstream.url) : headers;
      const body = BODILESS.has(status) ? null : String(upstream.requests.length);
      return new Response(body, { status, headers: { ...common, ...own } });
    });
    await using gateway = startGateway({
      upstreams: { origin: { url: upstream.url, cache } },
      routes: { "ANY /*": { forward: "origin" } },
    }, { clock });

    const newest = new Map<string, number>();
    for (const [index, step] of exchange.entries()) {
      const { after = 0, method = "GET", path = "/it", asks = {}, by, has = {}, sent = {} } = step;
      clock.move(after);
      answer = step.origin ?? answer;
      const asked = upstream.requests.length;
      const response = await ask(gateway.url + path, {
        method,
        headers: asks,
        redirect: "manual",
      });
      const text = await response.text();
      await until(() => gateway.background.size === 0, "the refresh has ended");
      const cacheStatus = response.headers.get("cache-status") ?? "";
      const [questions, isHit] = [upstream.requests.length - asked, / hit(;|$)/.test(cacheStatus)];
      const told = `step ${index + 1}: ${response.status} "${text}" ${cacheStatus}`;

      assertEquals(
        response.status,
        step.status ?? (by === "origin" ? step.origin?.status : 200) ?? 200,
        told,
      );
      assertEquals(isHit, by === "hit" || by === "refreshing", told);
      assertEquals(questions > 0, by !== "hit" && by !== "none", told);
      const was304 = cacheStatus.includes("fwd-status=304");
      assertEquals(was304, by === "validated", told);
      if (by === "origin" && method === "GET") newest.set(path, upstream.requests.length);
      const isEmpty = method === "HEAD" || BODILESS.has(response.status) || by === "none";
      const from = step.from ?? (method === "GET" ? newest.get(path) : upstream.requests.length);
      assertEquals(text, isEmpty ? "" : String(from), told);
      assertFields(response.headers, has, told);
      const last = upstream.requests.at(-1)?.headers ?? new Headers();
      assertFields(last, sent, `${told}: what was sent`);
    }
    assertEquals(gateway.errors, []);
  });
}

function assertFields(headers: Headers, expected: FieldsToBe, told: string): void {
  const found = Object.keys(expected).map((name) => {
    // A gateway's own name ends in an id.
    return [name, headers.get(name)?.replace(/sluice-\w+/, "sluice") ?? null];
  });
  assertEquals(Object.fromEntries(found), expected, told);
}

/** A gateway before an origin that says `head` and `body` as they are. */
async function rawly(
  head: string,
  body: string,
  asking: (get: () => Promise<Response>, clock: MovedClock) => Promise<void>,
): Promise<number> {
  await using upstream = startRawUpstream(async ({ send }) => {
    await send(`HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n${head}\r\n\r\n${body}`);
  });
  const clock = new MovedClock();
  await using gateway = startGateway({
    upstreams: { origin: { url: upstream.url, cache: {} } },
    routes: { "ANY /*": { forward: "origin" } },
  }, { clock });
  await asking(() => ask(`${gateway.url}/it`), clock);
  return upstream.connections;
}

async function isHit(response: Response, text: string): Promise<void> {
  assertEquals(await response.text(), text);
  assertMatch(response.headers.get("cache-status") ?? "", / hit;/);
}

Deno.test("3.1: headers that Connection names are not stored, nor Connection itself", async () => {
  const head = "Connection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 1\r\nContent-Length: 2";
  const asked = await rawly(head, "it", async (get) => {
    await (await get()).text();
    const response = await get();
    const { headers } = response;
    await isHit(response, "it");
    assertEquals([headers.get("x-hop"), headers.get("x-end")], [null, "1"]);
    assertEquals(headers.get("connection"), null);
  });
  assertEquals(asked, 1);
});

Deno.test("RFC 9110 6.6.1: an answer without a Date gets that of its arrival", async () => {
  await rawly("Connection: close\r\nContent-Length: 2", "it", async (get, clock) => {
    const first = await get();
    await first.text();
    clock.move(7);
    const second = await get();
    await isHit(second, "it");
    assertEquals([first, second].map(({ headers }) => headers.get("date")), [date(0), date(0)]);
    assertEquals(second.headers.get("age"), "7");
  });
});

for (
  const [what, head, body] of [
    ["shorter than it said", "Content-Length: 9", "it"],
    ["without its last chunk", "Transfer-Encoding: chunked", "2\r\nit\r\n"],
  ] as const
) {
  Deno.test(`3.3: an answer that is ${what} is not stored`, async () => {
    const asked = await rawly(head, body, async (get) => {
      for (let turn = 0; turn < 2; turn++) {
        await get().then((response) => response.text()).catch(() => {});
      }
    });
    assertEquals(asked >= 2, true);
  });
}

Deno.test("RFC 5861 4: what is out of date serves when the origin cannot be reached", async () => {
  const clock = new MovedClock();
  const upstream = startUpstream(() =>
    new Response("it", { headers: { date: date(0), "cache-control": SIE } })
  );
  await using gateway = startGateway({
    upstreams: { origin: { url: upstream.url, cache: {} } },
    routes: { "ANY /*": { forward: "origin" } },
  }, { clock });
  assertEquals(await (await ask(`${gateway.url}/it`)).text(), "it");
  await upstream[Symbol.asyncDispose]();
  clock.move(65);
  const response = await ask(`${gateway.url}/it`);
  assertEquals([response.status, await response.text()], [200, "it"]);
  assertMatch(response.headers.get("cache-status") ?? "", /; fwd=stale; ttl=-5$/);
  clock.move(5);
  const failed = await ask(`${gateway.url}/it`);
  await failed.body?.cancel();
  assertEquals(failed.status, 502);
});

Deno.test("5.2.1.7: only-if-cached does not reach an origin that is down", async () => {
  await using gateway = startGateway({
    upstreams: { origin: { url: refusingUrl(), cache: {} } },
    routes: { "ANY /*": { forward: "origin" } },
  });
  const headers = { "cache-control": "only-if-cached" };
  const response = await ask(`${gateway.url}/it`, { headers });
  await response.body?.cancel();
  assertEquals(response.status, 504);
});

Deno.test("3.2: a 304 without a Date is from when it came", async () => {
  await using upstream = startRawUpstream(async ({ head, send }) => {
    const isAsked = /if-none-match/i.test(head);
    const rest = 'Cache-Control: max-age=60\r\nETag: "a"\r\nConnection: close\r\n';
    await send(
      isAsked
        ? `HTTP/1.1 304 Not Modified\r\n${rest}\r\n`
        : `HTTP/1.1 200 OK\r\nDate: ${date(0)}\r\n${rest}Content-Length: 2\r\n\r\nit`,
    );
  });
  const clock = new MovedClock();
  await using gateway = startGateway({
    upstreams: { origin: { url: upstream.url, cache: {} } },
    routes: { "ANY /*": { forward: "origin" } },
  }, { clock });
  await (await ask(`${gateway.url}/it`)).text();
  clock.move(60);
  const validated = await ask(`${gateway.url}/it`);
  assertEquals(await validated.text(), "it");
  assertEquals(validated.headers.get("date"), date(60));
  clock.move(30);
  const again = await ask(`${gateway.url}/it`);
  await isHit(again, "it");
  assertEquals([again.headers.get("age"), upstream.connections], ["30", 2]);
});
