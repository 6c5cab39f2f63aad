import { delay } from "@std/async";

/** A response that does not come within this time (ms) counts as failed. */
const GIVE_UP_MS = 10_000;

/** What became of requests. */
export interface Outcomes {
  readonly requests: number;
  /** 200 with all parts. */
  readonly complete: number;
  /** 200 without all parts. */
  readonly partial: number;
  /** Everything else. */
  readonly failed: number;
  /** From the moment each request was due, in ascending order (ms). */
  readonly latencies: readonly number[];
}

/** A steady load. */
export interface Load {
  /** Where the request of that number goes. */
  readonly url: (index: number) => string;
  /** Requests per second, whatever becomes of them. */
  readonly rate: number;
  readonly seconds: number;
}

/**
 * Sends requests at a fixed rate, however long the responses take (an open loop), so that a slow
 * gateway does not get fewer. Resolves when the last request is due, to what becomes of them all.
 */
export async function sendLoad({ url, rate, seconds }: Load): Promise<() => Promise<Outcomes>> {
  const began = performance.now();
  const total = Math.round(rate * seconds);
  const requests: Promise<Outcome>[] = [];
  while (requests.length < total) {
    const dueMs = began + requests.length / rate * 1000;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await delay(waitMs);
    requests.push(request(url(requests.length), dueMs));
  }
  await delay(Math.max(0, began + seconds * 1000 - performance.now()));
  return async () => summarize(await Promise.all(requests));
}

interface Outcome {
  readonly fate: "complete" | "partial" | "failed";
  readonly ms: number;
}

async function request(url: string, dueMs: number): Promise<Outcome> {
  const fate = await fateOf(url);
  return { fate, ms: performance.now() - dueMs };
}

async function fateOf(url: string): Promise<Outcome["fate"]> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(GIVE_UP_MS) });
    await response.bytes();
    if (response.status !== 200) return "failed";
    return response.headers.get("gateway-complete") === "?1" ? "complete" : "partial";
  } catch {
    return "failed";
  }
}

function summarize(outcomes: readonly Outcome[]): Outcomes {
  const count = (sought: Outcome["fate"]) => outcomes.filter(({ fate }) => fate === sought).length;
  return {
    requests: outcomes.length,
    complete: count("complete"),
    partial: count("partial"),
    failed: count("failed"),
    latencies: outcomes.map(({ ms }) => ms).sort((a, b) => a - b),
  };
}

/** The latency that a share of the requests, such as 0.99, does not exceed (ms). */
export function percentile({ latencies }: Outcomes, share: number): number {
  return latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN;
}
