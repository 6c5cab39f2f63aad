import {
  cacheControl,
  conforms,
  FRESH,
  LONG_AGO,
  type Row,
  twice,
} from "../support/cache_conformance.ts";

conforms([
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
]);
