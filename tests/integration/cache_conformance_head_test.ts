import { cacheControl, conforms, date, ETAG, LONG_AGO } from "../support/cache_conformance.ts";

conforms([
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
]);
