import { cacheControl, conforms, FRESH, type Row, twice } from "../support/cache_conformance.ts";

conforms([
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
]);
