import { cacheControl, conforms, FRESH, type Row, SIE, SWR } from "../support/cache_conformance.ts";

conforms([
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
]);
