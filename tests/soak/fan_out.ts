// deno-lint-ignore-file no-console -- its output is its purpose
import { testGuard } from "../support/test_guard.ts";
import { assert, assertEquals } from "@std/assert";
import { Background } from "../../lib/core/background.ts";
import { Shutdown } from "../../lib/process/shutdown.ts";
import { Body } from "../../lib/core/body.ts";
import type { Bytes } from "../../lib/core/bytes.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { BufferBudget } from "../../lib/core/buffer_budget.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import { json } from "../../lib/json/json_reply.ts";
import { Resources } from "../../lib/upstream/resources.ts";
import type { Context, Reply, Source } from "../../lib/core/source.ts";
import { buildGateway } from "../../routes/gateway.ts";
import { until } from "../support/program.ts";
import { heapUsed } from "../support/heap_used.ts";
import { Random } from "../support/random.ts";

const REQUESTS = Number(Deno.env.get("REQUESTS") ?? 100_000);
const CONCURRENCY = 128;
const SLOTS = { max: 32, queue: 96 };
/** By how much the heap may differ between two moments at which nothing is under way (bytes). */
const HEAP_NOISE = 3_000_000;
/** What a source that is stuck would take if nobody ended it (ms). */
const STUCK_MS = 60_000;

/** The machine's clocks, and how many sleep on them. */
class CountingClock implements Clock {
  sleeping = 0;
  wall = systemClock.wall;
  monotonic = systemClock.monotonic;

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeping++;
    try {
      await systemClock.sleep(ms, signal);
    } finally {
      this.sleeping--;
    }
  }
}

/** An upstream that is slow, fails, gets stuck or breaks off, each now and then. */
class Origin {
  inFlight = 0;
  openBodies = 0;
  most = 0;
  calls = 0;
  readonly #random: Random;
  #gate: Promise<void> | undefined;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** Makes every call wait, and then answer. */
  hold(gate: Promise<void> | undefined): void {
    this.#gate = gate;
  }

  readonly source: Source = async (call, ctx) => {
    this.calls++;
    this.inFlight++;
    this.most = Math.max(this.most, this.inFlight);
    try {
      if (this.#gate) {
        await this.#gate;
        return json(1);
      }
      return await this.#answer(call.path, ctx);
    } finally {
      this.inFlight--;
    }
  };

  async #answer(path: string, ctx: Context): Promise<Reply> {
    const random = this.#random;
    const fate = random.int(0, 999);
    if (fate < 2) await pause(STUCK_MS, ctx.signal);
    else if (fate < 600) await pause(random.int(0, 4), ctx.signal);
    if (fate >= 990) throw new GatewayError("upstream-unreachable", "nobody there");
    if (fate >= 975) return json({}, random.pick([404, 429, 500, 503]));
    if (fate >= 970) return { ...json(1), body: this.#body(3, true) };
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
      async pull(controller) {
        if (sent % 2 === 1) await pause(1);
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

/** Waits; a signal ends that with its reason, and leaves no timer. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms === 0) return Promise.resolve();
  return systemClock.sleep(ms, signal);
}

function configOf(origins: Readonly<Record<"steady" | "narrow" | "plain", Origin>>): GatewayConfig {
  const retry = { attempts: 3, backoff: "1ms", maxBackoff: "4ms" } as const;
  return {
    trustedProxies: ["127.0.0.1/32"],
    upstreams: {
      steady: { source: origins.steady.source, timeout: "40ms", retry },
      narrow: { source: origins.narrow.source, timeout: "40ms", retry, concurrency: SLOTS },
      plain: { source: origins.plain.source, timeout: "40ms" },
    },
    routes: {
      "GET /graph/:id": {
        deadline: "200ms",
        gather: {
          head: { from: "steady", path: "/head/{id}" },
          same: { from: "steady", path: "/head/{id}", map: (data) => data, optional: true },
          next: { from: "narrow", path: "/next/{head.next}", optional: true },
          list: {
            from: "narrow",
            path: "/item/{item}",
            each: "{head.ids}",
            concurrency: 2,
            optional: true,
          },
        },
      },
      // Shorter than its upstream's timeout, so that the deadline alone ends what is stuck.
      "GET /hasty/:id": {
        deadline: "30ms",
        gather: { it: { from: "steady", path: "/hasty/{id}" } },
      },
      "GET /each": {
        gather: {
          all: { from: "narrow", path: "/item/{item}", each: "{query.id}", optional: true },
        },
      },
      "GET /first/:id": {
        first: {
          a: { from: "steady", path: "/first/{id}" },
          b: { from: "narrow", path: "/first/{id}" },
        },
      },
      "GET /quorum/:id": {
        quorum: 2,
        gather: {
          a: { from: "steady", path: "/quorum/{id}" },
          b: { from: "narrow", path: "/quorum/{id}" },
          c: { from: "plain", path: "/quorum/{id}" },
        },
      },
      "POST /sent/:id": {
        gather: { it: { from: "steady", path: "/sent/{id}", method: "POST", body: "{body.n}" } },
      },
      "GET /one/:id": { gather: { it: { from: "narrow", path: "/one/{id}" } } },
      "ANY /f/*": { forward: { to: "narrow", strip: "/f" } },
    },
  };
}

/** What is asked, and how the client behaves. */
function anyRequest(random: Random): { path: string; init: RequestInit } {
  const id = random.int(0, 40);
  const path = random.pick([
    `/graph/${id}`,
    `/graph/${id}`,
    `/hasty/${random.int(0, 5)}`,
    `/each?id=${id}&id=${id + 1}&id=${id}`,
    `/first/${id}`,
    `/quorum/${id}`,
    `/one/${random.int(0, 5)}`,
    `/f/stream/${id}`,
    `/f/x/${id}`,
    `/sent/${id}`,
  ]);
  const accept = random.pick([
    "application/json",
    "application/json",
    "application/x-ndjson",
    "text/event-stream",
  ]);
  const headers: Record<string, string> = {
    accept,
    "x-forwarded-for": `192.0.2.${random.int(1, 3)}`,
  };
  if (random.bool(0.1)) headers["prefer"] = random.pick(["wait=1", "handling=strict"]);
  if (!path.startsWith("/sent")) return { path, init: { headers } };
  headers["content-type"] = "application/json";
  return { path, init: { method: "POST", body: '{"n":1}', headers } };
}

Deno.test(`${REQUESTS} mixed requests leave nothing`, async () => {
  const random = new Random(1);
  const clock = new CountingClock();
  const origins = { steady: new Origin(2), narrow: new Origin(3), plain: new Origin(4) };
  const all = Object.values(origins);
  const errors: unknown[] = [];
  const buffers = new BufferBudget(Infinity);
  const app = buildGateway(parseConfig(configOf(origins), () => undefined), {
    clock,
    random: Math.random,
    operatorTokens: [],
    logAudit() {},
    isHosted: false,
    shutdown: new Shutdown(clock),
    background: new Background({ clock, taskTimeoutMs: 1_000, onError: (e) => errors.push(e) }),
    closing: new AsyncDisposableStack(),
    resources: new Resources({ clock, lingerMs: 1_000, onError: (e) => errors.push(e) }),
    buffers,
    buckets: new MemoryStore(clock),
    http: () => () => Promise.reject(new Error("nothing is asked over HTTP here")),
    store: testGuard({ clock }),
    logAccess() {},
    logFault() {},
    logError: (error) => errors.push(error),
  });
  const bindings = { remoteAddress: "127.0.0.1", scheme: "http", completed: Promise.resolve() };
  const ask = async (path: string, init: RequestInit = {}) =>
    await app.fetch(new Request(`http://gateway.example${path}`, init), {
      ...bindings,
      scheme: "http" as const,
    });
  const statuses = new Map<string, number>();
  const count = (what: string) => statuses.set(what, (statuses.get(what) ?? 0) + 1);

  async function client(): Promise<void> {
    const { path, init } = anyRequest(random);
    const leaver = new AbortController();
    const leavesAfter = random.bool(0.15) ? random.int(0, 6) : undefined;
    const readsAll = random.bool(0.9);
    const timer = leavesAfter === undefined
      ? undefined
      : setTimeout(() => leaver.abort(), leavesAfter);
    if (leavesAfter === 0 && readsAll) leaver.abort();
    try {
      const response = await ask(path, { ...init, signal: leaver.signal });
      count(String(response.status));
      const reader = response.body?.getReader();
      // As a server does: a client that has gone takes its answer's body with it.
      for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
        if (leaver.signal.aborted || !readsAll) {
          await reader?.cancel();
          break;
        }
      }
      if (leaver.signal.aborted) await reader?.cancel();
    } catch (error) {
      // A body that breaks off fails its reader, and it alone.
      if (!(error instanceof TypeError || error instanceof GatewayError)) throw error;
      count("broke off");
    } finally {
      clearTimeout(timer);
    }
  }

  let begun = 0;
  async function run(upTo: number): Promise<void> {
    await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
      while (begun < upTo) {
        begun++;
        await client();
      }
    }));
    const left = () => all.map(({ inFlight, openBodies }) => inFlight + openBodies);
    await until(() => left().every((open) => open === 0), "nothing is in flight", 2_000)
      .catch(() => {});
    assertEquals(left(), [0, 0, 0], "calls and bodies in flight at the sources");
    await until(() => clock.sleeping === 0, "no timer is left", 2_000).catch(() => {});
    assertEquals(clock.sleeping, 0, "timers");
  }

  /** All slots and places in line are there: so many are asked, so many wait, the next is refused. */
  async function assertFree(): Promise<void> {
    const { narrow } = origins;
    const gate = Promise.withResolvers<void>();
    narrow.hold(gate.promise);
    const before = narrow.calls;
    const total = SLOTS.max + SLOTS.queue;
    // Each path anew, and known ones too: what is stuck under way would not be asked again.
    const asking = Array.from({ length: total }, (_, index) => ask(`/one/${index}`));
    await until(() => narrow.inFlight === SLOTS.max, "all slots are taken", 2_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(narrow.inFlight, SLOTS.max);
    const refused = await ask("/one/too-many");
    await refused.body?.cancel();
    assertEquals(refused.status, 503);
    gate.resolve();
    for (const response of await Promise.all(asking)) {
      await response.body?.cancel();
      assertEquals(response.status, 200);
    }
    assertEquals(narrow.calls - before, total);
    narrow.hold(undefined);
  }

  const began = performance.now();
  await run(REQUESTS / 5);
  await assertFree();
  const early = heapUsed();
  await run(REQUESTS);
  await assertFree();
  const late = heapUsed();
  const seconds = (performance.now() - began) / 1000;

  assertEquals(errors, []);
  assertEquals(clock.sleeping, 0);
  assertEquals(origins.narrow.most, SLOTS.max);
  const calls = all.reduce((sum, origin) => sum + origin.calls, 0);
  console.log(
    `${REQUESTS} requests, ${calls} calls to sources in ${seconds.toFixed(1)} s; heap ` +
      `${(early / 1e6).toFixed(2)} MB at 20 %, ${(late / 1e6).toFixed(2)} MB at the end; ` +
      [...statuses].sort().map(([status, times]) => `${status}: ${times}`).join(", "),
  );
  assert(late - early < HEAP_NOISE, `the heap grew by ${late - early} bytes`);
});
