import {
  cacheControl,
  conforms,
  ETAG,
  type Fields,
  FRESH,
  type Row,
  type Step,
} from "../support/cache_conformance.ts";

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

conforms([
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
]);
