import { assert, assertEquals } from "@std/assert";
import { aggregateFreshness, type PartReply } from "../../lib/gather/aggregate_freshness.ts";
import { Body } from "../../lib/core/body.ts";
import type { Reply } from "../../lib/core/source.ts";
import { property, type Random } from "../support/random.ts";

const NOW = Date.UTC(2026, 0, 1);

/** What a part is, as the test means it; its headers say the same. */
interface Meant {
  /** How long it says that it is fresh (s); undefined when it says nothing. */
  readonly maxAge: number | undefined;
  readonly age: number;
  /** What a cache knows of its freshness (s), in the place of what it says itself. */
  readonly cachedFor: number | undefined;
  readonly scope: "" | "public" | "private" | "no-store";
  readonly isNoCache: boolean;
  readonly setsCookie: boolean;
  readonly isStale: boolean;
  readonly isAuthorized: boolean;
  readonly isPerClient: boolean;
  readonly vary: readonly string[];
  readonly tags: readonly string[];
}

function anyMeaning(random: Random): Meant {
  return {
    maxAge: random.bool(0.7) ? random.int(0, 100) : undefined,
    age: random.bool(0.3) ? random.int(0, 100) : 0,
    cachedFor: random.bool(0.3) ? random.int(-50, 100) : undefined,
    scope: random.bool(0.8) ? random.pick(["", "public"]) : random.pick(["private", "no-store"]),
    isNoCache: random.bool(0.1),
    setsCookie: random.bool(0.05),
    isStale: random.bool(0.05),
    isAuthorized: random.bool(0.15),
    isPerClient: random.bool(0.1),
    vary: random.list(
      0,
      2,
      () => random.pick(["Accept-Language", "Accept", "Cookie", "Cookie", "Accept", "*"]),
    ),
    tags: random.list(0, 3, () => random.pick(["a", "b", "c d"])),
  };
}

function replyOf(meant: Meant): Reply {
  const { maxAge, age, cachedFor, scope, isNoCache, setsCookie, isStale, vary, tags } = meant;
  const headers = new Headers();
  const rules = [
    ...scope === "" ? [] : [scope],
    ...isNoCache ? ["no-cache"] : [],
    ...maxAge === undefined ? [] : [`max-age=${maxAge}`],
  ];
  if (rules.length > 0) headers.set("cache-control", rules.join(", "));
  if (age > 0) headers.set("age", String(age));
  if (setsCookie) headers.set("set-cookie", "a=b");
  if (vary.length > 0) headers.set("vary", vary.join(", "));
  if (tags.length > 0) headers.set("cache-tag", tags.join(","));
  const freshMs = cachedFor === undefined ? undefined : cachedFor * 1000;
  const isCached = isStale || freshMs !== undefined;
  return {
    status: 200,
    headers,
    body: Body.of(new Uint8Array()),
    ...(isCached && { cached: { isHit: true, isStale, freshMs } }),
  };
}

/** How long a part alone is fresh (s). */
function freshFor(meant: Meant, ttl: number | undefined): number {
  const { isNoCache, cachedFor, maxAge, age } = meant;
  if (isNoCache) return 0;
  return cachedFor ?? (maxAge === undefined ? ttl ?? 0 : maxAge - age);
}

function isForOneAlone({ scope, isAuthorized, isPerClient }: Meant): boolean {
  return scope === "private" || isPerClient || (isAuthorized && scope !== "public");
}

/** Some of a list's answers are put together from several, as those of an `each` are. */
function partsOf(meant: readonly Meant[], random: Random): PartReply[] {
  return meant.reduce<PartReply[]>((parts, one, index) => {
    const last = parts.at(-1);
    const reply = replyOf(one);
    const { isAuthorized, isPerClient } = one;
    const isAlike = last?.isAuthorized === isAuthorized && last.isPerClient === isPerClient;
    if (last?.reply.madeOf && isAlike && random.bool()) {
      const madeOf = [...last.reply.madeOf, reply];
      return [...parts.slice(0, -1), { ...last, reply: { ...last.reply, madeOf } }];
    }
    const whole: Reply = { status: 200, headers: new Headers(), body: reply.body, madeOf: [reply] };
    return [...parts, {
      part: `p${index}`,
      reply: random.bool() ? whole : reply,
      isAuthorized,
      isPerClient,
    }];
  }, []);
}

property("an aggregate is as fresh as its least fresh part, and for no more", 3_000, (random) => {
  const meant = random.list(0, 5, () => anyMeaning(random));
  const ttl = random.bool() ? random.int(0, 60) : undefined;
  const clientHeaders = random.list(0, 2, () => random.pick(["cookie", "x-user"]));
  const headers = aggregateFreshness(partsOf(meant, random), {
    ttlMs: ttl === undefined ? undefined : ttl * 1000,
    clientHeaders,
    now: NOW,
  });
  const told = JSON.stringify({ meant, ttl, headers: [...headers] });
  const said = headers.get("cache-control")?.split(", ") ?? [];
  if (
    meant.some(({ scope, setsCookie, isStale, vary }) =>
      scope === "no-store" || setsCookie || isStale || vary.includes("*")
    )
  ) {
    assertEquals([...headers], [["cache-control", "no-store"]], told);
    return;
  }
  const least = meant.length === 0
    ? ttl ?? 0
    : Math.min(ttl ?? Infinity, ...meant.map((one) => freshFor(one, ttl)));
  assert(said.includes(`max-age=${Math.max(0, least)}`), told);
  assertEquals(said.includes("private"), meant.some(isForOneAlone), told);
  const isPublic = meant.length > 0 &&
    meant.every(({ scope, isPerClient }) => scope === "public" && !isPerClient);
  assertEquals(said.includes("public"), isPublic, told);
  assert(!said.includes("no-store"), told);
  const vary = headers.get("vary")?.split(", ") ?? [];
  assertEquals(vary, [...new Set(clientHeaders)].sort(), told);
  const tags = headers.get("cache-tag")?.split(", ") ?? [];
  assertEquals(tags.toSorted(), [...new Set(meant.flatMap(({ tags }) => tags))].sort(), told);
});

property("one more part never makes an aggregate fresher, nor for more", 1_000, (random) => {
  const meant = random.list(1, 4, () => anyMeaning(random));
  const facts = {
    ttlMs: random.bool() ? random.int(0, 60) * 1000 : undefined,
    clientHeaders: [],
    now: NOW,
  };
  const parts = meant.map((one, index): PartReply => ({
    part: `p${index}`,
    reply: replyOf(one),
    isAuthorized: one.isAuthorized,
    isPerClient: one.isPerClient,
  }));
  const [less, more] = [parts.slice(1), parts].map((some) => {
    const rules = aggregateFreshness(some, facts).get("cache-control") ?? "";
    const scope = ["no-store", "private", "max-age", "public"].findIndex((one) =>
      rules.startsWith(one)
    );
    return { scope, maxAge: Number(/max-age=(\d+)/.exec(rules)?.[1] ?? 0), rules };
  });
  assert(less && more);
  if (parts.length === 1) return;
  assert(more.scope <= less.scope, `${less.rules} -> ${more.rules}`);
  assert(more.maxAge <= less.maxAge, `${less.rules} -> ${more.rules}`);
});

Deno.test("an aggregate of parts whose age comes from Date alone is as old as they are", () => {
  const headers = new Headers({
    "cache-control": "max-age=60",
    date: new Date(NOW - 20_000).toUTCString(),
  });
  const reply: Reply = { status: 200, headers, body: Body.of(new Uint8Array()) };
  const facts = { ttlMs: undefined, clientHeaders: [], now: NOW };
  const answer = aggregateFreshness([{ part: "a", reply, isAuthorized: false }], facts);
  assertEquals(answer.get("cache-control"), "max-age=40");
});
