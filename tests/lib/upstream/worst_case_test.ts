import { assert, assertEquals } from "@std/assert";
import { parseConfig } from "../../../lib/config/parse.ts";
import { worstCaseMs } from "../../../lib/upstream/worst_case.ts";

type Keys = Readonly<Record<string, unknown>>;

/** The worst case of a route over an upstream `up`, whose timeout is 100 ms. */
function worstOf(route: Keys, upstream: Keys = {}): number {
  const up = { url: "http://127.0.0.1:9001", timeout: "100ms", ...upstream };
  const config = { upstreams: { up }, routes: { "GET /:id": route } };
  const { routes: [read] } = parseConfig(config, () => undefined);
  assert(read);
  return worstCaseMs(read);
}

const part = (keys: Keys = {}) => ({ from: "up", ...keys });

const ROUTES: readonly {
  readonly what: string;
  readonly route: Keys;
  readonly upstream?: Keys;
  readonly ms: number;
}[] = [
  { what: "one part takes its timeout", route: { gather: { a: part() } }, ms: 100 },
  {
    what: "a hedged call takes its delay and the timeout of the second call",
    route: { gather: { a: part() } },
    upstream: { hedge: { after: "30ms" } },
    ms: 130,
  },
  {
    what: "a percentile may be as late as the timeout, and each attempt may be hedged",
    route: { gather: { a: part() } },
    upstream: { hedge: {}, retry: { attempts: 2, backoff: "10ms" } },
    ms: 410,
  },
  {
    what: "a method that is not hedged takes no longer",
    route: { gather: { a: part({ method: "POST" }) } },
    upstream: { hedge: {} },
    ms: 100,
  },
  {
    what: "parts at once take as long as the slowest",
    route: { gather: { a: part(), b: part({ timeout: "300ms" }), c: part() } },
    ms: 300,
  },
  {
    what: "the deadline is never passed",
    route: { deadline: "250ms", gather: { a: part(), b: part({ timeout: "300ms" }) } },
    ms: 250,
  },
  {
    what: "parts in a row take as long as all together, however they are written",
    route: {
      gather: {
        c: part({ path: "/{b.x}", timeout: "300ms" }),
        a: part(),
        b: part({ path: "/{a.x}", timeout: "200ms" }),
      },
    },
    ms: 600,
  },
  {
    what: "of several ways the longest counts, once",
    route: {
      gather: {
        a: part(),
        b: part({ needs: ["a"], timeout: "500ms" }),
        c: part({ needs: ["a"] }),
        d: part({ needs: ["b", "c"] }),
        e: part({ timeout: "650ms" }),
      },
    },
    ms: 700,
  },
  {
    what: "a list takes as many rounds as its longest form has",
    route: {
      gather: {
        a: part(),
        b: part({ path: "/{item}", each: "{a.ids}", concurrency: 4, max: 9 }),
      },
    },
    ms: 100 + 3 * 100,
  },
  {
    what: "a list that goes at once takes one round",
    route: {
      gather: { a: part({ path: "/{item}", each: "{query.ids}", concurrency: 9, max: 9 }) },
    },
    ms: 100,
  },
  {
    what: "a call is made again, after the longest waits",
    route: { gather: { a: part() } },
    upstream: { retry: { attempts: 4, backoff: "10ms", maxBackoff: "30ms" } },
    ms: 400 + 10 + 20 + 30,
  },
  {
    what: "a call that is not made again takes one attempt",
    route: { gather: { a: part({ method: "POST" }) } },
    upstream: { retry: { attempts: 4 } },
    ms: 100,
  },
  {
    what: "a method that is named is made again",
    route: { gather: { a: part({ method: "POST" }) } },
    upstream: { retry: { attempts: 2, methods: ["POST"], backoff: "1ms" } },
    ms: 201,
  },
  {
    what: "rounds and attempts multiply",
    route: {
      gather: { a: part({ path: "/{item}", each: "{query.ids}", concurrency: 1, max: 3 }) },
    },
    upstream: { retry: { attempts: 2, backoff: "5ms" } },
    ms: 3 * 205,
  },
  {
    what: "a race may be lost by all",
    route: { first: { a: part(), b: part({ timeout: "300ms" }) } },
    ms: 300,
  },
  { what: "a forward takes its upstream's timeout", route: { forward: "up" }, ms: 100 },
  {
    what: "a forward takes no longer than its deadline",
    route: { deadline: "50ms", forward: "up" },
    ms: 50,
  },
];
for (const { what, route, upstream, ms } of ROUTES) {
  Deno.test(`worst case: ${what}`, () => assertEquals(worstOf(route, upstream), ms));
}

Deno.test("worst case: a graph with very many ways is no slower to judge", () => {
  const gather: Record<string, Keys> = { a0: part() };
  for (let layer = 1; layer < 40; layer++) {
    const needs = layer === 1 ? ["a0"] : [`a${layer - 1}`, `b${layer - 1}`];
    gather[`a${layer}`] = part({ needs });
    gather[`b${layer}`] = part({ needs });
  }
  assertEquals(worstOf({ gather }), 4000);
});
