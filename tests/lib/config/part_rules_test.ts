import { assertEquals } from "@std/assert";
import { parseConfig } from "../../../lib/config/parse.ts";
import { assertSchemaRejects, schemaAccepts } from "../../support/config_schema.ts";
import {
  A,
  ATTEMPTS,
  configOf,
  gatherOf,
  itemOf,
  problemsOf,
  upstreamOf,
} from "../../support/part_configs.ts";

const B = 'routes["GET /:id"].gather.b';
const EACH = 'must be a single {name} such as "{profile.friendIds}"';
const NEXT = 'must be "link" or a JSON Pointer such as "/next"';
const MEMBERS = 'must be a list of members such as "id" or "address.city"';

const pagesOf = (pages: unknown, part = {}) => gatherOf({ a: { from: "up", pages, ...part } });
const RULES: readonly (readonly [input: unknown, problem: string])[] = [
  // Pages.
  [pagesOf({}), `${A}.pages.next: is required`],
  [pagesOf({ next: "" }), `${A}.pages.next: ${NEXT}; got ""`],
  [pagesOf({ next: "next" }), `${A}.pages.next: ${NEXT}; got "next"`],
  [pagesOf({ next: "/a~2" }), `${A}.pages.next: ${NEXT}; got "/a~2"`],
  [
    pagesOf({ next: "link", items: "items" }),
    `${A}.pages.items: must be a JSON Pointer such as "/items"; got "items"`,
  ],
  [pagesOf({ next: "link", max: 0 }), `${A}.pages.max: ${ATTEMPTS}; got 0`],
  [pagesOf({ next: "link", maxItems: 1.5 }), `${A}.pages.maxItems: ${ATTEMPTS}; got 1.5`],
  [
    pagesOf({ next: "link", whenMore: "cut" }),
    `${A}.pages.whenMore: must be fail or stop; got "cut"`,
  ],
  [
    pagesOf({ next: "link", param: "cursor" }),
    `${A}.pages.param: must only be set together with a JSON Pointer in next`,
  ],
  [pagesOf({ next: "/next", param: "" }), `${A}.pages.param: must not be empty; got ""`],
  [
    pagesOf({ next: "link", when: "stop" }),
    `${A}.pages.when: is not a known key; available: next, param, items, max, maxItems, whenMore`,
  ],
  [
    pagesOf({ next: "link" }, { select: "/items" }),
    `${A}.select: must not be set together with pages; use pages.items`,
  ],
  [
    pagesOf({ next: "link" }, { as: "text" }),
    `${A}.pages: must not be set together with as: "text"`,
  ],
  [
    gatherOf({ a: { from: "up", method: "PUT", safe: true } }),
    `${A}.safe: must only be set together with the method POST; got PUT`,
  ],
  [
    pagesOf({ next: "link" }, { method: "HEAD" }),
    `${A}.pages: must not be set together with the method HEAD`,
  ],
  [itemOf({ pages: { next: "link" } }), `${B}.pages: must not be set together with each`],
  // The graph.
  [
    gatherOf({ a: { from: "up", path: "/{a.x}" } }),
    `${A}: "{a.x}" must be a parameter of /:id or another part; available: id`,
  ],
  [
    gatherOf({ a: { from: "up", path: "/{xyz.x}" }, b: { from: "up" } }),
    `${A}: "{xyz.x}" must be a parameter of /:id or another part; available: id, b`,
  ],
  [
    gatherOf({ profile: { from: "up" }, b: { from: "up", path: "/{profil.x}" } }),
    `${B}: "{profil.x}" must be a parameter of /:id or another part; did you mean "profile"?`,
  ],
  [
    gatherOf({ a: { from: "up", path: "/{id.x}" } }),
    `${A}: "{id.x}" must be a parameter of /:id or another part; did you mean "id"?`,
  ],
  [
    gatherOf({ a: { from: "up", path: "/{b.x}" }, b: { from: "up", path: "/{a.x}" } }),
    `${A}: must not depend on itself: a → b → a`,
  ],
  [
    gatherOf({
      a: { from: "up", needs: ["b"] },
      b: { from: "up", needs: ["c"] },
      c: { from: "up", headers: { x: "{b}" } },
    }),
    `${B}: must not depend on itself: b → c → b`,
  ],
  [
    gatherOf({ a: { from: "up", needs: ["a"] } }),
    `${A}.needs: must be the name of another part; got "a"`,
  ],
  [
    gatherOf({ a: { from: "up", needs: ["xyz"] }, b: { from: "up" } }),
    `${A}.needs: must be the name of another part; got "xyz"; available: b`,
  ],
  [
    gatherOf({ a: { from: "up", needs: "b" }, b: { from: "up" } }),
    `${A}.needs: must be a list of parts; got "b"`,
  ],
  [
    gatherOf({ a: { from: "up", needs: [5] } }),
    `${A}.needs.0: must be a string; got 5`,
  ],
  [
    gatherOf({ profile: { from: "up" }, b: { from: "up", needs: ["profle"] } }),
    `${B}.needs: must be the name of another part; got "profle"; did you mean "profile"?`,
  ],
  [
    gatherOf({ a: { from: "up", needs: ["id"] }, b: { from: "up" } }),
    `${A}.needs: must be the name of another part; got "id"; available: b`,
  ],
  [
    gatherOf({ a: { from: "up", need: ["b"] }, b: { from: "up" } }),
    `${A}.need: is not a known key; did you mean "needs"?`,
  ],
  [
    gatherOf({
      x: { from: "up", needs: ["a"] },
      a: { from: "up", path: "/{item}", each: "{b.ids}" },
      b: { from: "up", params: { p: ["{c}"] } },
      c: { from: "up", method: "POST", body: { deep: ["<{a.x}>"] } },
    }),
    `${A}: must not depend on itself: a → b → c → a`,
  ],
  [
    gatherOf({
      a: { from: "up", needs: ["b"] },
      b: { from: "up", needs: ["a"] },
      c: { from: "up", needs: ["d"] },
      d: { from: "up", needs: ["c"] },
    }),
    `${A}: must not depend on itself: a → b → a\n` +
    'routes["GET /:id"].gather.c: must not depend on itself: c → d → c',
  ],
  // Each.
  [itemOf({ each: "a.ids" }), `${B}.each: ${EACH}; got "a.ids"`],
  [itemOf({ each: "{a.ids}x" }), `${B}.each: ${EACH}; got "{a.ids}x"`],
  [itemOf({ each: ["1"] }), `${B}.each: ${EACH}; got ["1"]`],
  [
    itemOf({ each: "{header.ids}" }),
    `${B}.each: must be a list: a part's data, body.NAME, query.NAME or claims.NAME`,
  ],
  [
    itemOf({ each: "{item}" }),
    `${B}.each: must be a list: a part's data, body.NAME, query.NAME or claims.NAME`,
  ],
  [
    itemOf({ each: "{x.ids}" }),
    `${B}: "{x.ids}" must be a parameter of /:id or another part; available: id, a`,
  ],
  [itemOf({ path: "/" }), `${B}.each: must be a list whose {item} is in a template of the part`],
  [itemOf({ concurrency: 0 }), `${B}.concurrency: ${ATTEMPTS}; got 0`],
  [itemOf({ max: 1.5 }), `${B}.max: ${ATTEMPTS}; got 1.5`],
  [
    gatherOf({ a: { from: "up", concurrency: 2 } }),
    `${A}.concurrency: must only be set together with each or batch`,
  ],
  [gatherOf({ a: { from: "up", max: 2 } }), `${A}.max: must only be set together with each`],
  [
    gatherOf({ a: { from: "up", path: "/{item.id}" } }),
    `${A}: "{item.id}" must only be used together with each`,
  ],
  [itemOf({ each: 1 }), `${B}.each: ${EACH}; got 1`],
  [itemOf({ each: "{a.ids}{id}" }), `${B}.each: ${EACH}; got "{a.ids}{id}"`],
  [itemOf({ each: "{a..ids}" }), `${B}.each: ${EACH}; got "{a..ids}"`],
  [
    itemOf({ each: "{id}" }),
    `${B}.each: must be a list: a part's data, body.NAME, query.NAME or claims.NAME`,
  ],
  [
    itemOf({ each: "{b.ids}" }),
    `${B}: "{b.ids}" must be a parameter of /:id or another part; available: id, a`,
  ],
  [
    itemOf({ path: "/", concurrency: 0, max: 0 }),
    `${B}.concurrency: ${ATTEMPTS}; got 0\n${B}.max: ${ATTEMPTS}; got 0`,
  ],
  [itemOf({ concurrency: 1.5 }), `${B}.concurrency: ${ATTEMPTS}; got 1.5`],
  [itemOf({ concurrency: "8" }), `${B}.concurrency: ${ATTEMPTS}; got "8"`],
  [itemOf({ max: -1 }), `${B}.max: ${ATTEMPTS}; got -1`],
  [
    gatherOf({ a: { from: "up", headers: { x: "{item}" } } }),
    `${A}: "{item}" must only be used together with each`,
  ],
  [
    gatherOf({ a: { from: "up", method: "POST", body: [{ x: "{item.y}" }] } }),
    `${A}: "{item.y}" must only be used together with each`,
  ],
  // Shaping.
  [
    gatherOf({ a: { from: "up", select: "x" } }),
    `${A}.select: must be a JSON Pointer such as "/result/rows"; got "x"`,
  ],
  [
    gatherOf({ a: { from: "up", select: "/a~2" } }),
    `${A}.select: must be a JSON Pointer such as "/result/rows"; got "/a~2"`,
  ],
  [gatherOf({ a: { from: "up", pick: [] } }), `${A}.pick: ${MEMBERS}; got []`],
  [gatherOf({ a: { from: "up", pick: "id" } }), `${A}.pick: ${MEMBERS}; got "id"`],
  [gatherOf({ a: { from: "up", pick: ["a..b"] } }), `${A}.pick.0: ${MEMBERS}; got "a..b"`],
  [
    gatherOf({ a: { from: "up", map: "x" } }),
    `${A}.map: must be a function, which only a TypeScript config can have; got "x"`,
  ],
  [
    gatherOf({ a: { from: "up", as: "text", select: "/a" } }),
    `${A}.select: must not be set together with as: "text"`,
  ],
  [
    gatherOf({ a: { from: "up", as: "text", pick: ["a"] } }),
    `${A}.pick: must not be set together with as: "text"`,
  ],
  // Races.
  [
    gatherOf({ a: { from: "up" } }, { quorum: 2 }),
    'routes["GET /:id"].quorum: must be at most 1, the number of parts; got 2',
  ],
  [gatherOf({ a: { from: "up" } }, { quorum: 0 }), `routes["GET /:id"].quorum: ${ATTEMPTS}; got 0`],
  [
    gatherOf({ a: { from: "up", optional: true } }, { quorum: 1 }),
    `${A}.optional: must not be set in a race, where any part may fail`,
  ],
  [
    gatherOf({ a: { from: "up", otherwise: 1 } }, { quorum: 1 }),
    `${A}.otherwise: must not be set in a race, where any part may fail`,
  ],
  [configOf({ "GET /": { first: {} } }), 'routes["GET /"].first: must have at least one part'],
  [
    configOf({ "GET /": { first: { a: { from: "up", optional: false } } } }),
    'routes["GET /"].first.a.optional: must not be set in a race, where any part may fail',
  ],
  [
    configOf({ "GET /": { first: { a: { from: "up" } }, quorum: 1 } }),
    'routes["GET /"].quorum: is not a known key; available: auth, require, limit, cost, deadline, cors, maxRequestBody, allow, deny, compress, cache, first',
  ],
  [
    configOf({ "GET /": { first: { a: { from: "up" } }, gather: {} } }),
    'routes["GET /"]: must have exactly one of gather, first, forward and batch',
  ],
  [
    gatherOf({ a: { from: "up" }, b: { from: "up" } }, { quorum: 1.5 }),
    `routes["GET /:id"].quorum: ${ATTEMPTS}; got 1.5`,
  ],
  [
    gatherOf({ a: { from: "up" }, b: { from: "up" } }, { quorum: 3 }),
    'routes["GET /:id"].quorum: must be at most 2, the number of parts; got 3',
  ],
  [gatherOf({}, { quorum: 1 }), 'routes["GET /:id"].gather: must have at least one part'],
  [
    configOf({ "GET /": { first: { a: { from: "up", otherwise: 1, optional: true } } } }),
    'routes["GET /"].first.a.optional: must not be set in a race, where any part may fail\n' +
    'routes["GET /"].first.a.otherwise: must not be set in a race, where any part may fail',
  ],
  [
    configOf({ "GET /": { first: 5 } }),
    'routes["GET /"].first: must be an object of parts by name; got 5',
  ],
  [
    configOf({ "GET /": { first: { a: { from: "up", path: "/{a.x}" } } } }),
    'routes["GET /"].first.a: "{a.x}" must be a parameter of / or another part',
  ],
  // Cache.
  [upstreamOf({ cache: false }), "upstreams.up.cache: must be an object; got false"],
  [
    upstreamOf({ cache: { ttl: 5 } }),
    "upstreams.up.cache.ttl: must be a duration such as 400ms or 2s; got 5",
  ],
  [
    upstreamOf({ cache: { tll: "5s" } }),
    'upstreams.up.cache.tll: is not a known key; did you mean "ttl"?',
  ],
  [
    upstreamOf({ cache: { override: 1 } }),
    "upstreams.up.cache.override: must be true or false; got 1",
  ],
  [
    gatherOf({ a: { from: "up", cache: true } }),
    `${A}.cache: must be an object such as { ttl: "30s" }, or false; got true`,
  ],
  [
    gatherOf({ a: { from: "up" } }, { cache: { override: true } }),
    'routes["GET /:id"].cache.override: is not a known key; available: ttl, stale, staleIfError, shared',
  ],
  // Retry and concurrency.
  [upstreamOf({ retry: { attempts: "3" } }), `upstreams.up.retry.attempts: ${ATTEMPTS}; got "3"`],
  [
    upstreamOf({ retry: { maxBackoff: "0s" } }),
    'upstreams.up.retry.maxBackoff: must be a duration such as 400ms or 2s; got "0s"',
  ],
  [
    upstreamOf({ retry: { methods: "GET" } }),
    'upstreams.up.retry.methods: must be a list of methods; got "GET"',
  ],
  [upstreamOf({ retry: { budget: 1 } }), "upstreams.up.retry.budget: must be an object; got 1"],
  [
    upstreamOf({ retry: { budget: { shar: 1 } } }),
    'upstreams.up.retry.budget.shar: is not a known key; did you mean "share"?',
  ],
  [
    upstreamOf({ retry: { budget: { share: -0.1 } } }),
    "upstreams.up.retry.budget.share: must be a number from 0 to 1; got -0.1",
  ],
  [
    upstreamOf({ retry: { budget: { minPerSecond: 1.5 } } }),
    "upstreams.up.retry.budget.minPerSecond: must be a whole number of at least 0; got 1.5",
  ],
  [upstreamOf({ concurrency: 1.5 }), `upstreams.up.concurrency: ${ATTEMPTS}; got 1.5`],
  [upstreamOf({ concurrency: -1 }), `upstreams.up.concurrency: ${ATTEMPTS}; got -1`],
  [
    upstreamOf({ concurrency: { max: 1, size: 1 } }),
    "upstreams.up.concurrency.size: is not a known key; available: max, adaptive, queue",
  ],
  [
    upstreamOf({ concurrency: null }),
    "upstreams.up.concurrency: must be a whole number of at least 1, or an object such as { max: 64, queue: 128 }; got null",
  ],
  [upstreamOf({ concurrency: { max: 0 } }), `upstreams.up.concurrency.max: ${ATTEMPTS}; got 0`],
  [upstreamOf({ retry: 3 }), "upstreams.up.retry: must be an object; got 3"],
  [upstreamOf({ retry: { attempts: 0 } }), `upstreams.up.retry.attempts: ${ATTEMPTS}; got 0`],
  [
    upstreamOf({ retry: { attempt: 2 } }),
    'upstreams.up.retry.attempt: is not a known key; did you mean "attempts"?',
  ],
  [
    upstreamOf({ retry: { backoff: 5 } }),
    "upstreams.up.retry.backoff: must be a duration such as 400ms or 2s; got 5",
  ],
  [
    upstreamOf({ retry: { methods: ["get"] } }),
    'upstreams.up.retry.methods.0: must be a method such as GET; got "get"',
  ],
  [
    upstreamOf({ retry: { budget: { share: 2 } } }),
    "upstreams.up.retry.budget.share: must be a number from 0 to 1; got 2",
  ],
  [
    upstreamOf({ retry: { budget: { minPerSecond: -1 } } }),
    "upstreams.up.retry.budget.minPerSecond: must be a whole number of at least 0; got -1",
  ],
  [upstreamOf({ concurrency: 0 }), `upstreams.up.concurrency: ${ATTEMPTS}; got 0`],
  [
    upstreamOf({ concurrency: "64" }),
    'upstreams.up.concurrency: must be a whole number of at least 1, or an object such as { max: 64, queue: 128 }; got "64"',
  ],
  [
    upstreamOf({ concurrency: { queue: 1 } }),
    'upstreams.up.concurrency: must have exactly one of max and adaptive; got {"queue":1}',
  ],
  [
    upstreamOf({ concurrency: { max: 1, queue: -1 } }),
    "upstreams.up.concurrency.queue: must be a whole number of at least 0; got -1",
  ],
];
for (const [input, problem] of RULES) {
  Deno.test(`config rule: ${problem}`, () => {
    assertEquals(problemsOf(input), problem);
    assertSchemaRejects(input, problem);
  });
}

for (const name of ["{query.a.b}", '{query["a..b"]}', '{query["a\\"..{,}"]*}']) {
  Deno.test(`each may be ${name}, also for gateway.schema.json`, () => {
    const config = gatherOf({ a: { from: "up", path: "/{item}", each: name } });
    parseConfig(config, () => undefined);
    assertEquals(schemaAccepts(config), true);
  });
}
