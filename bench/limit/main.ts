// deno-lint-ignore-file no-console -- its output is its purpose
import type { LimitConfig } from "../../lib/config/limit.ts";
import { KvStore, LOCAL_KV } from "../../lib/limiter/stores/kv_store.ts";
import type { BucketStore, BucketWrite } from "../../lib/limiter/stores/bucket_store.ts";
import { json } from "../../lib/json/json_reply.ts";
import { benchGateway, BINDINGS } from "../gateway.ts";
import { startRedis } from "./redis.ts";

const CONCURRENCY = 64;
const ROUNDS = 5;
const REQUESTS = 20_000;

type Send = (key: string) => Promise<Response>;

/** One way of limiting, under one kind of traffic. */
interface Contender {
  readonly name: string;
  readonly send: Send;
  /** The client of the request with that number, counted over all rounds. */
  readonly keyOf: (index: number) => string;
  /** Transactions so far. */
  readonly commits: () => number;
}

/** Counts what reaches the store. */
class CountingStore implements BucketStore {
  readonly maxWrites: number;
  readonly concurrency: number;
  readonly skewMs: number;
  commits = 0;
  readonly #store: BucketStore;

  constructor(store: BucketStore) {
    this.#store = store;
    ({ maxWrites: this.maxWrites, concurrency: this.concurrency, skewMs: this.skewMs } = store);
  }

  read(keys: readonly string[]) {
    return this.#store.read(keys);
  }

  commit(writes: readonly BucketWrite[]) {
    this.commits++;
    return this.#store.commit(writes);
  }
}

/** The aggregate that all of them limit: three parts from functions in this process. */
function gatewayWith(limit: LimitConfig | undefined, buckets: BucketStore): Send {
  const part = { from: "constant" };
  const app = benchGateway({
    upstreams: { constant: { source: () => Promise.resolve(json({ id: 7, name: "Ada" })) } },
    ...(limit && { limits: { limit } }),
    routes: {
      "GET /": { ...(limit && { limit: "limit" }), gather: { a: part, b: part, c: part } },
    },
  }, { buckets, logError: (error) => console.error(error) });
  return async (key) =>
    await app.fetch(new Request("http://127.0.0.1/", { headers: { "x-client": key } }), BINDINGS);
}

/** Requests per second, at this concurrency. */
async function measure(
  { send, keyOf }: Contender,
  { from, requests, concurrency }: { from: number; requests: number; concurrency: number },
): Promise<number> {
  let next = from;
  const begun = performance.now();
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (next < from + requests) await (await send(keyOf(next++))).body?.cancel();
  }));
  return requests / ((performance.now() - begun) / 1000);
}

const folder = await Deno.makeTempDir();
const kv = await Deno.openKv(`${folder}/bench.kv`);
const redis = await startRedis();
const store = new CountingStore(new KvStore(kv, LOCAL_KV));
const wide: LimitConfig = { rate: "1000000/s", burst: 1_000_000, by: "header:x-client" };
const narrow: LimitConfig = { rate: "1/d", burst: 1, by: "header:x-client" };
/** A limit for a client that sends fifteen requests a second. */
const usual: LimitConfig = { rate: "100/s", burst: 1_000, by: "header:x-client" };
const unlimited = gatewayWith(undefined, store);
const limited = gatewayWith(wide, store);
const exhausted = gatewayWith(narrow, store);
const overRedis: Send = async (key) => {
  if (!(await redis?.take(key))) throw new Error("Redis refused");
  return await unlimited(key);
};

const hot = () => "hot";
const busy = (index: number) => `busy ${index % 1_000}`;
const once = (index: number) => `once ${index}`;
const none = () => 0;
const contenders: Contender[] = [
  { name: "no limiter", send: unlimited, keyOf: hot, commits: none },
  { name: "one hot client, allowed", send: limited, keyOf: hot, commits: () => store.commits },
  { name: "one hot client, denied", send: exhausted, keyOf: hot, commits: () => store.commits },
  {
    name: "1,000 busy clients",
    send: gatewayWith(usual, store),
    keyOf: busy,
    commits: () => store.commits,
  },
  { name: "one-time clients", send: limited, keyOf: once, commits: () => store.commits },
];
if (redis) {
  contenders.push(
    { name: "Redis: one hot client", send: overRedis, keyOf: hot, commits: none },
    { name: "Redis: 1,000 busy clients", send: overRedis, keyOf: busy, commits: none },
    { name: "Redis: one-time clients", send: overRedis, keyOf: once, commits: none },
  );
} else console.log("skipped: Redis, for redis-server is not installed");

/** Contenders take turns, so that a slow moment meets them all; the first round warms up. */
async function compare(concurrency: number, perRound: number): Promise<void> {
  const results = contenders.map(() => ({ perSecond: [] as number[], commits: 0, requests: 0 }));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [index, contender] of contenders.entries()) {
      const requests = contender.keyOf === once ? 2 * perRound : perRound;
      const before = contender.commits();
      const from = sent;
      sent += requests;
      const perSecond = await measure(contender, { from, requests, concurrency });
      const result = results[index];
      if (round < 0 || !result) continue;
      result.perSecond.push(perSecond);
      result.commits += contender.commits() - before;
      result.requests += requests;
    }
  }
  const baseline = results[0]?.perSecond ?? [];
  console.log(`${concurrency} at a time, median of ${ROUNDS} rounds; ratios round by round`);
  console.table(Object.fromEntries(contenders.map(({ name }, index) => {
    const { perSecond = [], commits = 0, requests = 1 } = results[index] ?? {};
    const ratios = perSecond.map((value, round) => value / (baseline[round] ?? value));
    return [name, {
      "requests/s": Math.round(median(perSecond)),
      "to no limiter": median(ratios).toFixed(2),
      "transactions per decision": commits === 0 ? "-" : (commits / requests).toFixed(4),
    }];
  })));
}

let sent = 0;
await compare(CONCURRENCY, REQUESTS);
await compare(1, REQUESTS / 4);

await redis?.[Symbol.asyncDispose]();
kv.close();
await Deno.remove(folder, { recursive: true });

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
