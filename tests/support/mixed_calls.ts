import { assertEquals } from "@std/assert";
import { Background } from "../../lib/core/background.ts";
import { Body } from "../../lib/core/body.ts";
import { BufferBudget } from "../../lib/core/buffer_budget.ts";
import type { Bytes } from "../../lib/core/bytes.ts";
import type { Clock } from "../../lib/core/clock.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import type { Call, Context, Reply, Source } from "../../lib/core/source.ts";
import { upstreamFailure, UpstreamFault } from "../../lib/core/upstream_fault.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { json } from "../../lib/json/json_reply.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import { Shutdown } from "../../lib/process/shutdown.ts";
import { Resources } from "../../lib/upstream/resources.ts";
import { buildGateway } from "../../routes/gateway.ts";
import { ManualClock, settled } from "./manual_clock.ts";
import { Random } from "./random.ts";
import { testGuard } from "./test_guard.ts";

/** Requests under way at one time. */
const CONCURRENCY = 48;
/** Longer than every timeout, deadline, open breaker, ejection and cached response (ms). */
const REST_MS = 300_000;
/** Calls that must succeed at rest: more than any limit lets through at one time. */
const PROBES = 24;

/** Options of {@linkcode mixCalls}. */
export interface MixedCalls {
  readonly requests: number;
  readonly seed: number;
  /** Called after a fifth of the requests and at the end, when nothing is under way. */
  readonly onRest?: () => void;
}

/** What {@linkcode mixCalls} has seen. */
export interface Seen {
  /** Calls that reached upstreams. */
  readonly calls: number;
  /** Responses by status; `left` are the clients that left. */
  readonly statuses: ReadonlyMap<string, number>;
  /** Problem kinds in the responses, of requests and of parts. */
  readonly kinds: ReadonlyMap<string, number>;
}

/**
 * Sends requests through every policy of a whole gateway, with upstreams that are slow, fail, hang
 * and break off, and clients that leave at any time, on a manual clock. Asserts that nothing is left:
 * no call, no open body, no timer, no slot or place in a queue, no buffered byte.
 */
export async function mixCalls({ requests, seed, onRest }: MixedCalls): Promise<Seen> {
  const random = new Random(seed);
  const clock = new ManualClock();
  const upstream = new MisbehavingUpstream(new Random(seed + 1), clock);
  const errors: unknown[] = [];
  // A refresh in the background may fail as every call, and a line of text says what is shed.
  const onError = (error: unknown) => {
    if (!(error instanceof GatewayError || typeof error === "string")) errors.push(error);
  };
  const buffers = new BufferBudget(64 * 1024 * 1024);
  const app = buildGateway(parseConfig(CONFIG, () => undefined), {
    clock,
    random: () => random.int(0, 999_999) / 1_000_000,
    operatorTokens: [],
    logAudit() {},
    isHosted: false,
    shutdown: new Shutdown(clock),
    background: new Background({ clock, taskTimeoutMs: 1_000, onError }),
    closing: new AsyncDisposableStack(),
    resources: new Resources({ clock, lingerMs: 1_000, onError }),
    buffers,
    buckets: new MemoryStore(clock),
    http: () => upstream.source,
    store: testGuard({ clock }),
    logAccess() {},
    logFault() {},
    logError: onError,
  });
  const statuses = new Map<string, number>();
  const kinds = new Map<string, number>();
  const ask = async (path: string, init: RequestInit = {}) =>
    await app.fetch(new Request(`http://gateway.example${path}`, init), {
      remoteAddress: "127.0.0.1",
      scheme: "http",
      completed: Promise.resolve(),
    });

  async function client(leaver: AbortController): Promise<void> {
    const { path, init } = anyRequest(random);
    try {
      const response = await ask(path, { ...init, signal: leaver.signal });
      count(statuses, String(response.status));
      const text = await readUnlessLeft(response, leaver.signal);
      for (const [, kind = ""] of text.matchAll(/"type":"[^"]*\/([\w-]+)"/g)) count(kinds, kind);
    } catch (error) {
      // A body that breaks off fails its reader, and it alone.
      if (!(error instanceof TypeError || error instanceof GatewayError)) throw error;
      count(statuses, leaver.signal.aborted ? "left" : "broke off");
    }
  }

  let begun = 0;
  const run = async (upTo: number) => {
    const clients = new Map<Promise<void>, AbortController>();
    while (begun < upTo || clients.size > 0) {
      while (begun < upTo && clients.size < CONCURRENCY) {
        begun++;
        const leaver = new AbortController();
        const running = client(leaver).finally(() => clients.delete(running));
        clients.set(running, leaver);
        if (random.bool(0.02)) leaver.abort();
      }
      await clock.advance(random.int(1, 8));
      for (const leaver of clients.values()) if (random.bool(0.02)) leaver.abort();
    }
    await assertAtRest();
    onRest?.();
  };

  async function assertAtRest(): Promise<void> {
    upstream.isWell = true;
    await clock.advance(REST_MS);
    assertEquals(
      {
        inFlight: upstream.inFlight,
        openBodies: upstream.openBodies,
        timers: clock.sleeping,
        buffered: buffers.used,
        errors,
      },
      { inFlight: 0, openBodies: 0, timers: 0, buffered: 0, errors: [] },
    );
    for (const name of Object.keys(CONFIG.upstreams)) {
      // An open breaker lets few calls through before it closes.
      for (let probe = 0; probe < 3; probe++) {
        const asked = ask(`/only/${name}/first-${probe}`);
        await clock.advance(1_000);
        await (await asked).body?.cancel();
      }
      const all = Array.from({ length: PROBES }, (_, index) => ask(`/only/${name}/${index}`));
      await clock.advance(5_000);
      const results = await Promise.all(all);
      assertEquals(results.map(({ status }) => status), results.map(() => 200), name);
      for (const { body } of results) await body?.cancel();
    }
    await clock.advance(REST_MS);
    assertEquals(clock.sleeping, 0, "timers");
    upstream.isWell = false;
  }

  await run(Math.ceil(requests / 5));
  await run(requests);
  await settled();
  return { calls: upstream.calls, statuses, kinds };
}

const retry = { attempts: 3, backoff: "1ms", maxBackoff: "4ms" } as const;
const part = (from: string, path: string) => ({ from, path });
const breaker = { window: "200ms", openFor: "50ms", slowAfter: "30ms" } as const;
const nice = (from: string, path: string) => ({ from, path, optional: true });

/** Every policy, small enough to be used up. */
const CONFIG = {
  overload: { maxInFlight: 40 },
  upstreams: {
    plain: { url: "http://192.0.2.1", timeout: "40ms", retry },
    narrow: { url: "http://192.0.2.2", timeout: "40ms", retry, concurrency: { max: 6, queue: 30 } },
    balanced: {
      urls: ["http://192.0.2.4", "http://192.0.2.5"],
      timeout: "40ms",
      retry,
      breaker,
      hedge: { after: "10ms", share: 0.2 },
    },
    limited: {
      url: "http://192.0.2.6",
      timeout: "40ms",
      breaker,
      hedge: { after: "p95", share: 0.05 },
      concurrency: { adaptive: { min: 4, max: 32 }, queue: 24 },
      rate: { rate: "300/s", burst: 30, wait: "50ms" },
    },
    cached: { url: "http://192.0.2.3", timeout: "40ms", cache: { ttl: "20ms", stale: "1s" } },
  },
  routes: {
    "GET /all/:id": {
      deadline: "150ms",
      gather: {
        head: part("plain", "/head/{id}"),
        next: nice("narrow", "/next/{head.next}"),
        list: {
          ...nice("narrow", "/item/{item}"),
          each: "{head.ids}",
          concurrency: 2,
        },
        seen: nice("cached", "/seen/{id}"),
        other: nice("balanced", "/other/{id}"),
        more: nice("limited", "/more/{id}"),
      },
    },
    "GET /hasty/:id": { deadline: "25ms", gather: { it: part("narrow", "/hasty/{id}") } },
    "GET /first/:id": {
      first: { a: part("plain", "/first/{id}"), b: part("narrow", "/first/{id}") },
    },
    "GET /quorum/:id": {
      quorum: 2,
      gather: {
        a: part("plain", "/quorum/{id}"),
        b: part("narrow", "/quorum/{id}"),
        c: part("cached", "/quorum/{id}"),
      },
    },
    "POST /sent/:id": {
      gather: {
        it: { ...part("plain", "/sent/{id}"), method: "POST", body: "{body.n}" },
      },
    },
    "GET /only/plain/:id": { gather: { it: part("plain", "/only/{id}") } },
    "GET /only/narrow/:id": { gather: { it: part("narrow", "/only/{id}") } },
    "GET /only/balanced/:id": { gather: { it: part("balanced", "/only/{id}") } },
    "GET /only/limited/:id": { gather: { it: part("limited", "/only/{id}") } },
    "GET /only/cached/:id": { gather: { it: part("cached", "/only/{id}") } },
    "ANY /f/*": { forward: { to: "narrow", strip: "/f" } },
    "ANY /l/*": { forward: { to: "limited", strip: "/l" } },
    "ANY /b/*": { forward: { to: "balanced", strip: "/b" } },
  },
} as const;

const NAMES = [
  ...["all", "all", "all", "hasty", "first", "quorum", "sent"],
  ...["f/stream", "f/x", "b/stream", "l/stream", "only/limited", "only/balanced"],
];

function anyRequest(random: Random): { path: string; init: RequestInit } {
  const id = random.int(0, 60);
  const name = random.pick(NAMES);
  const path = `/${name}/${id}`;
  const accept = random.pick(["application/json", "application/json", "application/x-ndjson"]);
  const headers: Record<string, string> = { accept };
  if (name !== "sent") return { path, init: { headers } };
  headers["content-type"] = "application/json";
  return { path, init: { method: "POST", body: '{"n":1}', headers } };
}

/** An upstream that fails in every way, and in between for longer, so that policies notice. */
class MisbehavingUpstream {
  inFlight = 0;
  openBodies = 0;
  calls = 0;
  isWell = false;
  readonly #random: Random;
  readonly #clock: Clock;

  constructor(random: Random, clock: Clock) {
    this.#random = random;
    this.#clock = clock;
  }

  readonly source: Source = async (call, ctx) => {
    ctx.signal.throwIfAborted();
    this.calls++;
    this.inFlight++;
    try {
      return await this.#respond(call, ctx);
    } finally {
      this.inFlight--;
    }
  };

  async #respond({ path }: Call, { signal }: Context): Promise<Reply> {
    const random = this.#random;
    const isBadTime = Math.floor(this.#clock.monotonic() / 2_000) % 3 === 2;
    const fate = this.isWell ? 999 : random.int(0, 999) * (isBadTime ? 0.1 : 1);
    await this.#clock.sleep(fate < 20 ? 60_000 : random.int(1, 20), signal);
    if (fate < 40) throw upstreamFailure(new UpstreamFault("reset", "connection reset"));
    if (fate < 50) return json({}, 404);
    if (fate < 80) return json({}, random.pick([429, 500, 503]));
    if (fate < 90) return { ...json(1), body: this.#body(3, true) };
    if (path.startsWith("/stream")) {
      return { ...json(1), body: this.#body(random.int(1, 6), false) };
    }
    const id = Number(/\d+/.exec(path)?.[0] ?? 0);
    return json({ id, next: id + 1, ids: [id, id + 1, id, id + 2] });
  }

  /** A JSON string in so many chunks. */
  #body(chunks: number, breaksOff: boolean): Body {
    this.openBodies++;
    let sent = 0;
    let isOpen = true;
    const end = () => {
      if (isOpen) this.openBodies--;
      isOpen = false;
    };
    const stream = new ReadableStream<Bytes>({
      pull: async (controller) => {
        if (sent % 2 === 1) await this.#clock.sleep(1);
        if (sent < chunks) {
          const text = sent === 0 ? '"' : "x";
          controller.enqueue(new TextEncoder().encode(sent++ === chunks - 1 ? `${text}"` : text));
        } else {
          end();
          if (breaksOff) controller.error(new TypeError("reset"));
          else controller.close();
        }
      },
      cancel: end,
    }, { highWaterMark: 0 });
    return Body.from({ stream });
  }
}

/** Reads as a server does: a client that has left takes its response's body with it. */
async function readUnlessLeft(response: Response, left: AbortSignal): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    text += read.value;
    if (left.aborted) await reader?.cancel();
  }
  return text;
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
