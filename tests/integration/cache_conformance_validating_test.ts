import {
  cacheControl,
  conforms,
  date,
  ETAG,
  type Fields,
  FRESH,
  LONG_AGO,
  type Row,
} from "../support/cache_conformance.ts";

conforms([
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
    ["a weak If-None-Match", { "if-none-match": 'W/"a"' }, 304, 'W/"a"'],
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
  ] satisfies [string, Fields, number, string?][]).flatMap(
    ([what, asks, status, etag = '"a"']): Row[] => {
      const origin = cacheControl("max-age=60", { etag: '"a"', "last-modified": LONG_AGO });
      const has = status === 304
        ? { etag, "cache-control": "max-age=60", date: date(0), "content-type": null }
        : { etag };
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
    },
  ),
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
]);
