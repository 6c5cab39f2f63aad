import { DEFAULTS } from "../../lib/core/defaults.ts";
import { assert, assertEquals } from "@std/assert";
import { parseList } from "structured-headers";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { LimitConfig } from "../../lib/config/limit.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import type {
  BucketStore,
  BucketWrite,
  StoredBucket,
} from "../../lib/limiter/stores/bucket_store.ts";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";

/** What one call of the store may take. */
const STORE_TIMEOUT_MS = DEFAULTS.storeTimeoutMs;
/** After so long, a store that failed is certainly asked again. */
const LONGEST_REST_MS = 1_000;

for (const fault of ["rejects", "throws"] as const) {
  Deno.test(`a store that ${fault}: local limits in this process`, async () => {
    const { gateway: started, store } = limited({ one: { rate: "1/h", burst: 3 } });
    await using gateway = started;
    store.behaviour = fault;
    const answers = await inTurn(5, () => get(gateway));
    assertEquals(answers.map(({ status }) => status), [200, 200, 200, 429, 429]);
    assertEquals(answers.map(({ left }) => left.one), [2, 1, 0, 0, 0]);
    assertEquals(answers[3]?.retryAfter, 3600);
  });

  Deno.test(`a store that ${fault}: open lets all pass, and says nothing of what is left`, async () => {
    const { gateway: started, store } = limited({
      one: { rate: "1/h", burst: 1, onStoreFailure: "open" },
    });
    await using gateway = started;
    store.behaviour = fault;
    const answers = await inTurn(5, () => get(gateway));
    assertEquals(answers.map(({ status }) => status), [200, 200, 200, 200, 200]);
    for (const { headers } of answers) {
      assertEquals(headers.get("ratelimit-policy"), '"one";q=1;w=3600');
      assertEquals(headers.get("ratelimit"), null);
    }
  });

  Deno.test(`a store that ${fault}: closed lets none pass`, async () => {
    const { gateway: started, store, calls } = limited({
      one: { rate: "1/h", burst: 100, onStoreFailure: "closed" },
    });
    await using gateway = started;
    store.behaviour = fault;
    for (const { status, type, retryAfter } of await inTurn(3, () => get(gateway))) {
      assertEquals(status, 503);
      assertEquals(type, "/_gateway/problems/limiter-unavailable");
      assertEquals(retryAfter, 1);
    }
    assertEquals(calls(), 0);
  });
}

Deno.test("one closed limit closes a route; what the others counted is not taken", async () => {
  const { gateway: started, store, clock } = limited({
    counted: { rate: "1/h", burst: 5 },
    shut: { rate: "1/h", burst: 5, onStoreFailure: "closed" },
  });
  await using gateway = started;
  store.behaviour = "rejects";
  assertEquals((await get(gateway)).status, 503);
  store.behaviour = "well";
  await clock.advance(LONGEST_REST_MS);
  assertEquals((await get(gateway)).left, { counted: 4, shut: 4 });
});

Deno.test("a local limit counts beside an open one", async () => {
  const { gateway: started, store } = limited({
    counted: { rate: "1/h", burst: 2 },
    free: { rate: "1/h", burst: 1, onStoreFailure: "open" },
  });
  await using gateway = started;
  store.behaviour = "rejects";
  const answers = await inTurn(3, () => get(gateway));
  assertEquals(answers.map(({ status }) => status), [200, 200, 429]);
  assertEquals(answers.map(({ left }) => left), [{ counted: 1 }, { counted: 0 }, { counted: 0 }]);
});

for (const behaviour of ["hangs", "is slow"] as const) {
  Deno.test(`a store that ${behaviour} holds requests up for its timeout once, and no longer`, async () => {
    const { gateway: started, store, clock, calls } = limited({
      one: { rate: "1/h", burst: 100, by: "header:x-who" },
    });
    await using gateway = started;
    store.behaviour = behaviour;
    const held = Array.from({ length: 20 }, (_, who) => get(gateway, { "x-who": String(who) }));
    await until(() => gateway.arrived === held.length, "the requests have come");
    await until(() => clock.sleeping >= 2, "they wait for the store");
    await clock.advance(STORE_TIMEOUT_MS - 1);
    assertEquals(calls(), 0);
    await clock.advance(1);
    assertEquals((await Promise.all(held)).map(({ status }) => status), Array(20).fill(200));
    // From now on it is known to be away: the clock stands still, and nobody waits.
    const free = await Promise.all(Array.from({ length: 20 }, () => get(gateway)));
    assertEquals(free.map(({ status }) => status), Array(20).fill(200));
  });
}

Deno.test("a store that hangs: closed responds 503 after its timeout", async () => {
  const { gateway: started, store, clock } = limited({
    one: { rate: "1/h", burst: 100, onStoreFailure: "closed" },
  });
  await using gateway = started;
  store.behaviour = "hangs";
  const answer = get(gateway);
  await until(() => clock.sleeping >= 2, "the request waits for the store");
  await clock.advance(STORE_TIMEOUT_MS);
  assertEquals([(await answer).status, (await answer).retryAfter], [503, 1]);
});

Deno.test("a store that hangs holds no request beyond its deadline", async () => {
  const { gateway: started, store, clock } = limited({ one: { rate: "1/h", burst: 9 } }, "100ms");
  await using gateway = started;
  store.behaviour = "hangs";
  const answer = get(gateway);
  await until(() => clock.sleeping >= 2, "the request waits for the store");
  await clock.advance(100);
  assertEquals((await answer).status, 504);
  assertEquals((await answer).type, "/_gateway/problems/deadline-exceeded");
  await clock.advance(STORE_TIMEOUT_MS);
});

Deno.test("a store that comes back is used again, with what was taken meanwhile", async () => {
  const { gateway: started, store, clock } = limited({ one: { rate: "1/h", burst: 10 } });
  await using gateway = started;
  assertEquals((await get(gateway)).left.one, 9);
  store.behaviour = "rejects";
  assertEquals((await inTurn(3, () => get(gateway))).at(-1)?.left.one, 6);
  const [, level] = store.latest() ?? [];
  assertEquals(level, 9);
  store.behaviour = "well";
  await clock.advance(LONGEST_REST_MS);
  assertEquals((await get(gateway)).left.one, 5);
  assertEquals(store.latest()?.[1], 5);
  assertEquals(gateway.errors.length, 2);
  assert(String(gateway.errors[0]).includes("the store is broken"), String(gateway.errors[0]));
  assertEquals(gateway.errors[1], "the store is back");
});

Deno.test("while a store is away, one request at a time tries it", async () => {
  const { gateway: started, store, clock } = limited({ one: { rate: "1/h", burst: 100 } });
  await using gateway = started;
  store.behaviour = "rejects";
  await inTurn(10, () => get(gateway));
  assertEquals(store.asked, 1);
  await clock.advance(LONGEST_REST_MS);
  store.behaviour = "hangs";
  const trying = get(gateway);
  await until(() => clock.sleeping >= 2, "one request tries the store");
  const others = await Promise.all(Array.from({ length: 10 }, () => get(gateway)));
  assertEquals(others.map(({ status }) => status), Array(10).fill(200));
  assertEquals(store.asked, 2);
  await clock.advance(STORE_TIMEOUT_MS);
  assertEquals((await trying).status, 200);
});

for (const onStoreFailure of ["local", "open", "closed"] as const) {
  Deno.test(`a store that flaps: ${onStoreFailure} answers each request in time`, async () => {
    const { gateway: started, store, clock } = limited({
      one: { rate: "1/s", burst: 5, onStoreFailure },
    });
    await using gateway = started;
    const behaviours = ["well", "rejects", "hangs", "loses answers", "well", "is slow"] as const;
    const statuses: number[] = [];
    for (let round = 0; round < 120; round++) {
      store.behaviour = behaviours[Math.floor(round / 7) % behaviours.length] ?? "well";
      const { status } = await passingTime(clock, get(gateway));
      statuses.push(status);
      await clock.advance(100);
    }
    await until(() => gateway.log.length === statuses.length, "all are in the log");
    const longest = Math.max(...gateway.log.map(({ durationMs }) => durationMs));
    assert(longest <= 2 * STORE_TIMEOUT_MS, `one took ${longest} ms`);
    const admitted = statuses.filter((status) => status === 200).length;
    const possible = { local: [200, 429], open: [200, 429], closed: [200, 429, 503] };
    assertEquals(statuses.filter((s) => !possible[onStoreFailure].includes(s)), []);
    assert(admitted > 0);
    // One process alone keeps the promise, whatever its store does.
    const most = 5 + clock.monotonic() / 1_000;
    if (onStoreFailure !== "open") assert(admitted <= most, `${admitted} of ${most} admitted`);
    // And it recovers by itself.
    store.behaviour = "well";
    await clock.advance(10_000);
    const { status, left } = await passingTime(clock, get(gateway));
    assertEquals([status, left.one], [200, 4]);
  });
}

type Behaviour = "well" | "rejects" | "throws" | "hangs" | "is slow" | "loses answers";

/** A store that a test breaks. */
class BreakableStore implements BucketStore {
  readonly maxWrites = 100;
  readonly concurrency = 1;
  readonly skewMs = 0;
  behaviour: Behaviour = "well";
  /** How often it was asked. */
  asked = 0;
  readonly #store: MemoryStore;
  readonly #clock: ManualClock;
  #latest: [key: string, tokens: number] | undefined;

  constructor(clock: ManualClock) {
    this.#store = new MemoryStore(clock);
    this.#clock = clock;
  }

  /** The last bucket written, with its level in whole tokens of 1/h. */
  latest(): [key: string, tokens: number] | undefined {
    return this.#latest;
  }

  read(keys: readonly string[]): Promise<StoredBucket[]> {
    return this.#behave(() => this.#store.read(keys));
  }

  commit(writes: readonly BucketWrite[]): Promise<string | undefined> {
    return this.#behave(async () => {
      const version = await this.#store.commit(writes);
      const [write] = writes;
      if (version !== undefined && write) {
        this.#latest = [write.key, Math.floor(write.level.units / 3_600_000)];
      }
      return version;
    });
  }

  #behave<T>(work: () => Promise<T>): Promise<T> {
    this.asked++;
    if (this.behaviour === "throws") throw new Error("the store is broken");
    return this.#answer(this.behaviour, work);
  }

  async #answer<T>(behaviour: Behaviour, work: () => Promise<T>): Promise<T> {
    if (behaviour === "hangs") await new Promise<never>(() => {});
    if (behaviour === "is slow") await this.#clock.sleep(500);
    if (behaviour === "loses answers") await work();
    if (behaviour === "rejects" || behaviour === "loses answers") {
      throw new Error("the store is broken");
    }
    return await work();
  }
}

function limited(
  limits: Record<string, LimitConfig>,
  deadline: "100ms" | "10s" = "10s",
) {
  let calls = 0;
  const clock = new ManualClock();
  const store = new BreakableStore(clock);
  const config: GatewayConfig = {
    upstreams: {
      api: {
        source: () => {
          calls++;
          return Promise.resolve(json({}));
        },
      },
    },
    limits,
    routes: { "GET /a": { limit: Object.keys(limits), deadline, forward: "api" } },
  };
  const gateway = startGateway(config, { clock, buckets: store });
  return { gateway, clock, store, calls: () => calls };
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The type of its problem. */
  readonly type: unknown;
  readonly retryAfter: number;
  /** What is left of each limit. */
  readonly left: Readonly<Record<string, unknown>>;
}

async function get({ url }: TestGateway, headers: HeadersInit = {}): Promise<Answer> {
  const response = await fetch(`${url}/a`, { headers, signal: AbortSignal.timeout(5_000) });
  const { type } = await response.json();
  const left = parseList(response.headers.get("ratelimit") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    type,
    retryAfter: Number(response.headers.get("retry-after")),
    left: Object.fromEntries(left.map(([name, item]) => [String(name), item.get("r")])),
  };
}

/** What a promise comes to while time passes. */
async function passingTime<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const done = promise.finally(() => isOver = true);
  await until(async () => {
    if (!isOver) await clock.advance(10);
    return isOver;
  }, "the request is answered");
  return await done;
}

async function inTurn<T>(times: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i++) results.push(await work());
  return results;
}

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 5_000;
  while (!await isSo()) {
    if (Date.now() > end) throw new Error(`it never came that ${what}`);
    await new Promise((resolve) => setTimeout(resolve));
  }
}
