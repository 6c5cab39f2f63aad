import { systemClock as clock } from "../../lib/core/clock.ts";
import { DEFAULTS } from "../../lib/core/defaults.ts";
import { GuardedStore } from "../../lib/limiter/stores/guarded_store.ts";
import { testGuard } from "../../tests/support/test_guard.ts";
import { bucketShape } from "../../lib/limiter/bucket.ts";
import { KvStore, LOCAL_KV } from "../../lib/limiter/stores/kv_store.ts";
import type { Decision, Limit } from "../../lib/limiter/limit.ts";
import { Limiter } from "../../lib/limiter/limiter.ts";

/** What one process did until its time was up. */
export interface ProcessReport {
  readonly decisions: number;
  readonly admitted: number;
  /** 99th percentile of the time for a decision (ms). */
  readonly p99Ms: number;
  /** The longest time for a decision (ms). */
  readonly slowestMs: number;
  readonly errors: readonly string[];
}

/** Maximum concurrent decisions. */
const CONCURRENCY = 64;

/** Requests tokens of one key: `process.ts FILE BEGIN END PER_MS`, wall times in ms. */
if (import.meta.main) {
  const [file, ...numbers] = Deno.args;
  const [begin = 0, end = 0, perMs = 0] = numbers.map(Number);
  const kv = await Deno.openKv(file);
  const report = await askUntil(kv, { begin, end, perMs });
  kv.close();
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(report)));
}

/** When a process sends requests (wall ms), and how many per millisecond: Infinity for all it can. */
interface Load {
  readonly begin: number;
  readonly end: number;
  readonly perMs: number;
}

async function askUntil(kv: Deno.Kv, { begin, end, perMs }: Load): Promise<ProcessReport> {
  const errors: string[] = [];
  const guard = testGuard({ clock, random: Math.random, log: (line) => errors.push(line) });
  const limiter = new Limiter({
    store: new GuardedStore(new KvStore(kv, LOCAL_KV), guard),
    clock,
    random: Math.random,
    maxBuckets: DEFAULTS.maxBuckets,
  });
  const limit: Limit = {
    name: "large",
    shape: bucketShape(10_000_000, 1_000, 10_000_000),
    waitMs: 0,
    queue: 0,
    onStoreFailure: "closed",
  };
  const charges = [{ key: "hot", limit, tokens: 1 }];
  const patience = { signal: new AbortController().signal, deadline: Infinity };
  const waits: number[] = [];
  let [sent, decisions, admitted, underWay] = [0, 0, 0, 0];
  const count = ({ outcome }: Decision) => {
    decisions++;
    if (outcome === "admitted") admitted++;
  };
  const send = () => {
    sent++;
    const taken = limiter.take(charges, patience);
    if (!(taken instanceof Promise)) return count(taken);
    const since = performance.now();
    underWay++;
    taken.then((decision) => {
      underWay--;
      waits.push(performance.now() - since);
      count(decision);
    }, (error) => errors.push(String(error)));
  };
  await clock.sleep(begin - Date.now());
  while (Date.now() < end) {
    const due = perMs === Infinity ? CONCURRENCY : perMs * (Date.now() - begin) - sent;
    for (let more = Math.min(due, CONCURRENCY - underWay); more > 0; more--) send();
    // A gateway also yields between its requests.
    if (perMs === Infinity) await new Promise((resolve) => setImmediate(resolve));
    else await clock.sleep(1);
  }
  await limiter.close();
  const longest = waits.toSorted((a, b) => b - a);
  // All the others were decided at once.
  const p99Ms = longest[Math.floor(decisions / 100)] ?? 0;
  return { decisions, admitted, p99Ms, slowestMs: longest[0] ?? 0, errors };
}
