import { cacheControl, conforms, FRESH, type Row } from "../support/cache_conformance.ts";

conforms([
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
]);
