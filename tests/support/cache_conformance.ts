import { assertEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import { ask } from "./responses.ts";
import { startGateway } from "./gateway.ts";
import { until } from "./program.ts";
import { startUpstream } from "./upstream.ts";

type CacheConfig = NonNullable<NonNullable<GatewayConfig["upstreams"]>[string]["cache"]>;
export type Fields = Readonly<Record<string, string>>;
/** Headers that there must be, and with null those that must not. */
export type FieldsToBe = Readonly<Record<string, string | null>>;

/** What the origin answers; its n-th answer has the body "n". */
export interface Answer {
  readonly status?: number;
  /** Besides a Date of now. */
  readonly headers?: Fields | ((url: string) => Fields);
  /** Headers of the 304 that a request with a validator gets instead. */
  readonly unchanged?: Fields;
  /** How long it takes (s). */
  readonly takes?: number;
}

export interface Step {
  /** How much later than the last step (s). */
  readonly after?: number;
  readonly method?: string;
  readonly path?: string;
  readonly asks?: Fields;
  /** What the origin answers from now on. */
  readonly origin?: Answer;
  /**
   * Who answers: the cache alone (`hit`), the origin (`origin`), the cache once the origin has said
   * that nothing changed (`validated`), the cache while it asks the origin (`refreshing`), the cache
   * because the origin fails (`instead`), or nobody (`none`).
   */
  readonly by: "hit" | "origin" | "validated" | "refreshing" | "instead" | "none";
  readonly status?: number;
  /** Which of the origin's answers the body is from (default: the last one to GET of the path). */
  readonly from?: number;
  readonly has?: FieldsToBe;
  /** What the origin is asked with. */
  readonly sent?: FieldsToBe;
}

/** A requirement, and what shows that it is met. */
export interface Row {
  /** Of RFC 9111, where no other is named. */
  readonly section: string;
  readonly requirement: string;
  readonly cache?: CacheConfig;
  readonly exchange: readonly Step[];
}

const START = Date.UTC(2026, 0, 1);

/** A clock that a test moves; what sleeps does so in real time. */
export class MovedClock implements Clock {
  #now = 0;
  readonly sleep = systemClock.sleep;
  wall(): number {
    return START + this.#now;
  }
  monotonic(): number {
    return this.#now;
  }
  move(seconds: number): void {
    this.#now += seconds * 1000;
  }
}

/** The HTTP-date so many seconds after the beginning. */
export function date(seconds: number): string {
  return new Date(START + seconds * 1000).toUTCString();
}

export function cacheControl(value: string, others: Fields = {}): Answer {
  return { headers: { "cache-control": value, ...others } };
}

export const FRESH = cacheControl("max-age=60");
export const ETAG = cacheControl("max-age=60", { etag: '"a"' });
export const LONG_AGO = date(-100_000);

/** What is asked for twice, the second time a moment later. */
export function twice(
  origin: Answer,
  by: "hit" | "origin",
  rest: Partial<Step> = {},
): readonly Step[] {
  const { status = 200 } = origin;
  return [{ origin, by: "origin", status, ...rest }, { after: 1, by, status, ...rest }];
}

/** What is fresh for so many seconds, and no longer. */
export function freshFor(seconds: number, origin: Answer): readonly Step[] {
  return [
    { origin, by: "origin" },
    { after: seconds - 1, by: "hit" },
    { after: 1, by: "origin" },
  ];
}
export const SWR = "max-age=60, stale-while-revalidate=10";
export const SIE = "max-age=60, stale-if-error=10";

const BODILESS: ReadonlySet<number> = new Set([204, 304]);

/** Tests of the rows: each exchange, step by step, with a gateway and an origin of its own. */
export function conforms(rows: readonly Row[]): void {
  for (const { section, requirement, cache = {}, exchange } of rows) {
    Deno.test(`${section}: ${requirement}`, async () => {
      const clock = new MovedClock();
      let answer: Answer = {};
      await using upstream = startUpstream(({ headers: asked }) => {
        const { status = 200, headers = {}, unchanged, takes = 0 } = answer;
        clock.move(takes);
        const common = { date: new Date(clock.wall()).toUTCString() };
        const isAsked = asked.has("if-none-match") || asked.has("if-modified-since");
        if (unchanged && isAsked) {
          return new Response(null, { status: 304, headers: { ...common, ...unchanged } });
        }
        const own = typeof headers === "function" ? headers(upstream.url) : headers;
        const body = BODILESS.has(status) ? null : String(upstream.requests.length);
        return new Response(body, { status, headers: { ...common, ...own } });
      });
      await using gateway = startGateway({
        upstreams: { origin: { url: upstream.url, cache } },
        routes: { "ANY /*": { forward: "origin" } },
      }, { clock });

      const newest = new Map<string, number>();
      for (const [index, step] of exchange.entries()) {
        const { after = 0, method = "GET", path = "/it", asks = {}, by, has = {}, sent = {} } =
          step;
        clock.move(after);
        answer = step.origin ?? answer;
        const asked = upstream.requests.length;
        const response = await ask(gateway.url + path, {
          method,
          headers: asks,
          redirect: "manual",
        });
        const text = await response.text();
        await until(() => gateway.background.size === 0, "the refresh has ended");
        const cacheStatus = response.headers.get("cache-status") ?? "";
        const [questions, isHit] = [
          upstream.requests.length - asked,
          / hit(;|$)/.test(cacheStatus),
        ];
        const told = `step ${index + 1}: ${response.status} "${text}" ${cacheStatus}`;

        assertEquals(
          response.status,
          step.status ?? (by === "origin" ? step.origin?.status : 200) ?? 200,
          told,
        );
        assertEquals(isHit, by === "hit" || by === "refreshing", told);
        assertEquals(questions > 0, by !== "hit" && by !== "none", told);
        const was304 = cacheStatus.includes("fwd-status=304");
        assertEquals(was304, by === "validated", told);
        if (by === "origin" && method === "GET") newest.set(path, upstream.requests.length);
        const isEmpty = method === "HEAD" || BODILESS.has(response.status) || by === "none";
        const from = step.from ?? (method === "GET" ? newest.get(path) : upstream.requests.length);
        assertEquals(text, isEmpty ? "" : String(from), told);
        assertFields(response.headers, has, told);
        const last = upstream.requests.at(-1)?.headers ?? new Headers();
        assertFields(last, sent, `${told}: what was sent`);
      }
      assertEquals(gateway.errors, []);
    });
  }
}

function assertFields(headers: Headers, expected: FieldsToBe, told: string): void {
  const found = Object.keys(expected).map((name) => {
    // A gateway's own name ends in an id.
    return [name, headers.get(name)?.replace(/sluice-\w+/, "sluice") ?? null];
  });
  assertEquals(Object.fromEntries(found), expected, told);
}
