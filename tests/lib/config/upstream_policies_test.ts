import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../lib/config/config_error.ts";
import { parseConfig } from "../../../lib/config/parse.ts";
import type { UpstreamSettings } from "../../../lib/config/upstream.ts";
import { bucketShape } from "../../../lib/limiter/bucket.ts";
import { describe } from "../../../lib/upstream/describe.ts";
import { assertSchemaRejects, schemaAccepts } from "../../support/config_schema.ts";

type Keys = Readonly<Record<string, unknown>>;

const upstreamOf = (keys: Keys) => ({
  upstreams: { up: { url: "http://127.0.0.1:9001", ...keys } },
  routes: { "GET /": { gather: { it: { from: "up" } } }, "ANY /f/*": { forward: "up" } },
});

function settingsOf(keys: Keys): UpstreamSettings {
  const [up] = parseConfig(upstreamOf(keys), () => undefined).upstreams;
  assert(up);
  assertEquals(schemaAccepts(upstreamOf(keys)), true);
  return up;
}

const AFTER = "must be a duration such as 80ms, or a percentile from p50 to p99";
const RATE = "must be a rate such as 5/s or 100/min, up to 1000000/s";
const COUNT = "must be a whole number of at least 1";

const RULES: readonly (readonly [keys: Keys, problem: string])[] = [
  [{ hedge: "80ms" }, 'hedge: must be an object; got "80ms"'],
  ...["p49", "p100", "p9", "p95.5", "95", "0s", 80].map((after) =>
    [{ hedge: { after } }, `hedge.after: ${AFTER}; got ${JSON.stringify(after)}`] as const
  ),
  [{ hedge: { share: 1.5 } }, "hedge.share: must be a number from 0 to 1; got 1.5"],
  [{ hedge: { max: 1 } }, "hedge.max: is not a known key; available: after, share"],
  [
    { rate: 50 },
    'rate: must be a rate such as 50/s, or an object such as { rate: "50/s", burst: 50, wait: "1s" }; got 50',
  ],
  [{ rate: "fast" }, `rate: ${RATE}; got "fast"`],
  [{ rate: { burst: 5 } }, `rate.rate: is required`],
  [{ rate: { rate: "0/s" } }, `rate.rate: ${RATE}; got "0/s"`],
  [{ rate: { rate: "5/s", burst: 0 } }, `rate.burst: ${COUNT}; got 0`],
  [
    { rate: { rate: "5/s", wait: 5 } },
    "rate.wait: must be a duration such as 400ms or 2s; got 5",
  ],
  [{ rate: { rate: "5/s", queue: 0 } }, `rate.queue: ${COUNT}; got 0`],
  [{ rate: { rate: "1/d", burst: 999 } }, "rate: must refill within a year; got 999"],
  [{ concurrency: { adaptive: 5 } }, "concurrency.adaptive: must be an object; got 5"],
  [{ concurrency: { adaptive: { min: 0 } } }, `concurrency.adaptive.min: ${COUNT}; got 0`],
  [
    { concurrency: { adaptive: {}, max: 5 } },
    'concurrency: must have exactly one of max and adaptive; got {"max":5,"adaptive":{"min":4,"max":200}}',
  ],
  [
    { concurrency: { adaptive: { min: 5, max: 4 } } },
    'concurrency.adaptive: must have a min that is not above its max; got {"min":5,"max":4}',
  ],
  [
    { concurrency: { adaptive: { least: 5 } } },
    "concurrency.adaptive.least: is not a known key; available: min, max",
  ],
];
for (const [keys, problem] of RULES) {
  Deno.test(`config rule: upstreams.up.${problem}`, () => {
    const input = upstreamOf(keys);
    const { message } = assertThrows(() => parseConfig(input, () => undefined), ConfigError);
    assertEquals(message, `upstreams.up.${problem}`);
    // A sum of keys is beyond JSON Schema.
    if (!/refill|not above/.test(problem)) assertSchemaRejects(input, problem);
  });
}

Deno.test("hedging begins at p95, for 5 % of the calls", () => {
  assertEquals(settingsOf({}).hedge, undefined);
  assertEquals(settingsOf({ hedge: {} }).hedge, { after: { quantile: 0.95 }, share: 0.05 });
  assertEquals(settingsOf({ hedge: { after: "80ms", share: 0 } }).hedge, {
    after: { ms: 80 },
    share: 0,
  });
});

Deno.test("a rate alone has a burst of one second, and a wait of one second", () => {
  assertEquals(settingsOf({}).rate, undefined);
  const rate = { shape: bucketShape(50, 1000, 50), waitMs: 1000, queue: 100 };
  assertEquals(settingsOf({ rate: "50/s" }).rate, rate);
  assertEquals(settingsOf({ rate: { rate: "50/s", burst: 50, wait: "1s" } }).rate, rate);
  assertEquals(settingsOf({ rate: "100/min" }).rate?.shape, bucketShape(100, 60_000, 2));
  assertEquals(settingsOf({ rate: "1/d" }).rate?.shape, bucketShape(1, 86_400_000, 1));
});

Deno.test("an adaptive limit begins at 10, within its range", () => {
  const concurrencyOf = (adaptive: Keys, more: Keys = {}) =>
    settingsOf({ concurrency: { adaptive, ...more } }).concurrency;
  const range = { min: 4, max: 200 };
  assertEquals(concurrencyOf({}), { max: 10, queue: 100, adaptive: range });
  assertEquals(concurrencyOf({ min: 20 }, { queue: 0 }), {
    max: 20,
    queue: 0,
    adaptive: { min: 20, max: 200 },
  });
  assertEquals(concurrencyOf({ max: 5 }).max, 5);
});

Deno.test("--check shows the policies in their order", () => {
  const describeWith = (keys: Keys) =>
    describe(parseConfig(upstreamOf(keys), () => undefined)).split("\n")
      .filter((line) => line.includes("→"));
  const keys = {
    retry: {},
    hedge: {},
    rate: "100/min",
    concurrency: { adaptive: { min: 4, max: 200 } },
  };
  assertEquals(describeWith(keys), [
    "  it (required): accept json → coalesce → retry 3 → hedge p95 → rate 100/min → " +
    "bulkhead 4-200 → timeout 5s → buffer 4MiB → GET up",
    "  forward up: rate 100/min → bulkhead 4-200 → timeout 5s",
  ]);
  assertEquals(describeWith({ hedge: { after: "80ms" }, rate: "2000/s" }), [
    "  it (required): accept json → coalesce → hedge 80ms → rate 2000/s → timeout 5s → " +
    "buffer 4MiB → GET up",
    "  forward up: rate 2000/s → timeout 5s",
  ]);
});
