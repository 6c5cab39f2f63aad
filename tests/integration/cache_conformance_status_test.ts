import {
  cacheControl,
  conforms,
  ETAG,
  FRESH,
  type Row,
  SIE,
  type Step,
  SWR,
} from "../support/cache_conformance.ts";

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

conforms([
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
]);
