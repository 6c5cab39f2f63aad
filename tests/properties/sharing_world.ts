import { Background } from "../../lib/core/background.ts";
import { Body } from "../../lib/core/body.ts";
import { KvPurges } from "../../lib/cache/kv_purges.ts";
import type { CacheStore } from "../../lib/cache/store.ts";
import type { CacheConfig } from "../../lib/config/cache.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { parseConfig } from "../../lib/config/parse.ts";
import { BufferBudget } from "../../lib/core/buffer_budget.ts";
import { fingerprint } from "../../lib/core/fingerprint.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import { Shutdown } from "../../lib/process/shutdown.ts";
import { Resources } from "../../lib/upstream/resources.ts";
import type { Call, Client, Reply, Source } from "../../lib/core/source.ts";
import { testGuard } from "../support/test_guard.ts";
import type { buildGateway } from "../../routes/gateway.ts";
import { kvTier } from "../support/kv_tier.ts";
import { ManualClock, settled } from "../support/manual_clock.ts";
import type { Random } from "../support/random.ts";

/** The program whose gateways share responses: this one, or a copy that is wrong somewhere. */
export interface Program {
  readonly buildGateway: typeof buildGateway;
  readonly parseConfig: typeof parseConfig;
}

/** What an upstream was told: its response's body, and nothing else decides it. */
export interface Told {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly client?: string;
}

/** A response that a client got, and the one that was made for it where nothing is stored. */
export interface Served {
  readonly route: "part" | "forward" | "function";
  readonly config: WorldConfig;
  readonly headers: Headers;
  readonly got: string;
  readonly own: string;
}

/** What no response depends on; written down here again, so that the program's list is tested. */
const NOTHING_OF_THE_RESPONSE = new Set([
  ..."traceparent tracestate x-request-id via x-envoy-expected-rq-timeout-ms".split(" "),
  ..."if-none-match if-modified-since cache-control pragma range".split(" "),
  ..."x-forwarded-for x-real-ip".split(" "),
]);

const STEPS = 80;

/** A config, and what the checks have to know of it. */
export interface WorldConfig {
  readonly cache: CacheConfig;
  readonly knowsClients: boolean;
  readonly passesKey: boolean;
  readonly gateway: GatewayConfig;
}

/** Two deployments over one store, and one in which nothing is stored. */
interface Deployment {
  readonly config: WorldConfig;
  readonly ask: (request: Request, bindings: Bindings) => Promise<Response>;
  readonly askUncached: (request: Request, bindings: Bindings) => Promise<Response>;
}

interface Bindings {
  readonly remoteAddress: string;
  readonly scheme: "http" | "https";
  readonly completed: Promise<void>;
}

/** Plays random requests against random configs; what the clients got is judged by the caller. */
export async function playSharing(
  random: Random,
  program: Program,
  judge: (served: Served) => void,
): Promise<number> {
  const clock = new ManualClock();
  using kv = random.bool(0.25) ? await Deno.openKv(":memory:") : undefined;
  const store = kv && new EndingStore(kv);
  await using closing = new AsyncDisposableStack();
  const shape = anyShape(random);
  const deployments = ["1", "2"].map((version) =>
    deploy(configOf(shape, version), { random, program, clock, cacheStore: store, closing })
  );
  const asking = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let served = 0;

  const askOne = async () => {
    const { config, ask, askUncached } = random.pick(deployments);
    const { url, headers, bindings } = anyRequest(random);
    const own = await askUncached(new Request(url, { headers }), bindings);
    const expected = await own.text();
    const response = await ask(new Request(url, { headers }), bindings);
    const got = await response.text();
    if (own.status !== 200 || response.status !== 200) return;
    served++;
    const [, name = ""] = new URL(url).pathname.split("/");
    const route = name === "forward" || name === "function" ? name : "part";
    judge({ route, config, headers: response.headers, got, own: expected });
  };

  for (let step = 0; step < STEPS; step++) {
    const done = askOne();
    asking.add(done);
    done.catch((error) => failures.push(error)).finally(() => asking.delete(done));
    if (random.bool(0.5)) await done.catch(() => {});
    if (random.bool(0.1)) await clock.advance(random.pick([1_000, 4_000, 6_000]));
  }
  await Promise.allSettled(asking);
  await store?.ended();
  if (failures.length > 0) throw failures[0];
  return served;
}

/** What deployments share, which knows when it is no longer used. */
class EndingStore implements CacheStore {
  readonly #pending = new Set<Promise<unknown>>();
  readonly tier: CacheStore["tier"];
  readonly purges: CacheStore["purges"];

  constructor(kv: Deno.Kv) {
    const [tier, bans] = [kvTier(kv), new KvPurges(kv)];
    this.tier = {
      get: (...args) => this.#held(tier.get(...args)),
      set: (...args) => this.#held(tier.set(...args)),
      delete: (...args) => this.#held(tier.delete(...args)),
      invalidate: (...args) => this.#held(tier.invalidate(...args)),
    };
    this.purges = {
      add: (...args) => this.#held(bans.add(...args)),
      readNew: () => this.#held(bans.readNew()),
    };
  }

  async ended(): Promise<void> {
    while (this.#pending.size > 0) {
      await Promise.allSettled(this.#pending);
      await settled();
    }
  }

  #held<T>(call: Promise<T>): Promise<T> {
    const done: Promise<unknown> = call.catch(() => {}).finally(() => this.#pending.delete(done));
    this.#pending.add(done);
    return call;
  }
}

function deploy(
  config: WorldConfig,
  { random, program, clock, cacheStore, closing }: {
    readonly random: Random;
    readonly program: Program;
    readonly clock: ManualClock;
    readonly cacheStore: CacheStore | undefined;
    readonly closing: AsyncDisposableStack;
  },
): Deployment {
  const failure = random.bool(0.3) ? 0.1 : 0;
  const make = (isCached: boolean) => {
    const source = (base: string): Source => async (call) => {
      const told = toldBy(call, base);
      if (!isCached) return replyOf(told, {}, call, Body.of);
      for (let turns = random.int(0, 3); turns > 0; turns--) await settled();
      if (random.bool(failure)) return replyOf("", {}, call, Body.of, 503);
      return replyOf(told, random.pick(RULES), call, random.bool() ? Body.of : streamed);
    };
    // A function reads its client, unless the config says that it does not.
    const function_: Source = async (call, { client }) => {
      for (let turns = isCached ? random.int(0, 3) : 0; turns > 0; turns--) await settled();
      const isRead = config.knowsClients && !config.cache.shared;
      const told = toldBy(call, "function", isRead ? client : undefined);
      return replyOf(told, isCached ? random.pick(RULES) : {}, call, Body.of);
    };
    const { gateway } = config;
    const resources = new Resources({ clock, lingerMs: 0, onError() {} });
    const upstreams = {
      ...gateway.upstreams,
      function: { source: function_, cache: config.cache },
    };
    const whole = { ...gateway, upstreams };
    const app = program.buildGateway(
      program.parseConfig(
        isCached ? whole : withoutCaches(gateway, function_),
        (name) => `k-${name}`,
      ),
      {
        clock,
        background: new Background({ clock, taskTimeoutMs: 1_000, onError() {} }),
        closing,
        buffers: new BufferBudget(2 ** 28),
        shutdown: new Shutdown(clock),
        resources,
        http: source,
        store: testGuard({ clock }),
        buckets: new MemoryStore(clock),
        random: () => 0.5,
        operatorTokens: [],
        logAudit() {},
        isHosted: false,
        ...(cacheStore && isCached && { cacheStore }),
        logAccess() {},
        logFault() {},
        logError() {},
      },
    );
    return async (request: Request, bindings: Bindings) => await app.fetch(request, bindings);
  };
  return { config, ask: make(true), askUncached: make(false) };
}

/** The same config with nothing stored. */
function withoutCaches(config: GatewayConfig, source: Source): GatewayConfig {
  const plain = JSON.stringify(config, (key, value) => key === "cache" ? undefined : value);
  const { upstreams, ...rest } = JSON.parse(plain);
  return { ...rest, upstreams: { ...upstreams, function: { source } } };
}

/** What an upstream may say of a response. */
const RULES = [
  {},
  {},
  {},
  { "cache-control": "max-age=5" },
  { "cache-control": "public, max-age=5" },
  { "cache-control": "s-maxage=5", vary: "Cookie" },
  { "cache-control": "max-age=5", vary: "X-Other, Accept-Language" },
  { "cache-control": "private, max-age=5" },
  { "cache-control": "no-store" },
  { vary: "X-Other" },
  { vary: "*" },
  { "last-modified": "Thu, 01 Jan 2015 00:00:00 GMT" },
  { "set-cookie": "session=1" },
];

function toldBy({ path, headers }: Call, base: string, client?: Client): string {
  const kept = [...headers].filter(([name]) => !NOTHING_OF_THE_RESPONSE.has(name));
  const told: Told = {
    path: base + path,
    headers: Object.fromEntries(kept),
    ...(client && { client: client.name ?? client.address }),
  };
  return JSON.stringify(told);
}

/** A JSON text of it; unchanged where the caller has just that. */
function replyOf(
  told: string,
  rules: Readonly<Record<string, string>>,
  call: Call,
  bodyOf: (bytes: Uint8Array<ArrayBuffer>) => Body,
  status = 200,
): Reply {
  const etag = `"${fingerprint(told)}"`;
  const headers = new Headers({ ...rules, etag, "content-type": "application/json" });
  if (call.headers.get("if-none-match") === etag) {
    return { status: 304, headers, body: Body.of(new Uint8Array()) };
  }
  return { status, headers, body: bodyOf(new TextEncoder().encode(JSON.stringify(told))) };
}

function streamed(bytes: Uint8Array<ArrayBuffer>): Body {
  const chunks = [bytes.slice(0, 9), bytes.slice(9)];
  return Body.from({
    stream: new ReadableStream({
      async pull(controller) {
        await settled();
        const chunk = chunks.shift();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
    }, { highWaterMark: 0 }),
  });
}

/** What of a config both deployments have in common. */
function anyShape(random: Random) {
  const part = () => {
    const headers: Record<string, string> = {};
    if (random.bool(0.4)) headers["x-api-key"] = "{header.x-api-key}";
    if (random.bool(0.3)) headers["X-Tenant"] = "t-{query.tenant}";
    if (random.bool(0.3)) headers.cookie = "{header.cookie}";
    if (random.bool(0.2)) headers.authorization = "{header.authorization}";
    if (random.bool(0.2)) headers["x-fixed"] = random.pick(["1", "2"]);
    if (random.bool(0.2)) headers["Accept-Language"] = "is";
    return {
      from: random.pick(["up", "up", "function"]),
      path: random.pick(["/a", "/a", "/a/{id}"]),
      headers,
      ...(random.bool(0.2) && { as: "text" as const }),
    };
  };
  const [first, second, items] = [part(), part(), part()];
  const cached = (): { cache?: CacheConfig } =>
    random.bool(0.4) ? { cache: random.pick([{ ttl: "5s" }, {}, { ttl: "5s", stale: "9s" }]) } : {};
  return {
    cache: random.pick<CacheConfig>([
      {},
      { ttl: "5s" },
      { ttl: "5s" },
      { ttl: "5s", stale: "9s" },
      { ttl: "5s", staleIfError: "1m" },
      { ttl: "5s", override: true },
      { ttl: "5s", override: true },
      { ttl: "5s", shared: true },
    ]),
    knowsClients: random.bool(),
    ownHeader: random.pick(["", "authorization", "x-gateway", "cookie"]),
    sameUrl: random.bool(0.7),
    passesKey: random.bool(0.3),
    routes: {
      "GET /one/:id": { gather: { first }, ...cached() },
      "GET /graph/:id": {
        gather: {
          first,
          second: {
            ...second,
            path: "/b",
            headers: { ...second.headers, "x-first": "{first}" },
          },
        },
        ...cached(),
      },
      "GET /each/:id": {
        gather: {
          items: {
            ...items,
            headers: { ...items.headers, "x-item": "{item}" },
            each: "{query.tenant}",
            concurrency: 1,
          },
        },
        ...cached(),
      },
    },
  };
}

function configOf(shape: ReturnType<typeof anyShape>, version: string): WorldConfig {
  const { cache, knowsClients, ownHeader, sameUrl } = shape;
  const headers = ownHeader === "" ? {} : { [ownHeader]: `gateway ${version}` };
  const passesKey = knowsClients && shape.passesKey;
  const more = passesKey ? { passClientKey: true } : {};
  return {
    cache,
    knowsClients,
    passesKey,
    gateway: {
      upstreams: { up: { url: `http://up${sameUrl ? "" : version}.example`, headers, cache } },
      ...(knowsClients && {
        clients: { key: "header:x-api-key", known: { ann: { env: "ann" }, bob: { env: "bob" } } },
      }),
      trustedProxies: ["10.0.0.0/8"],
      routes: {
        ...shape.routes,
        "GET /forward/*": { forward: { to: "up", ...more } },
        "GET /function/*": { forward: { to: "function", ...more } },
      },
    } as GatewayConfig,
  };
}

function anyRequest(random: Random) {
  const headers = new Headers();
  // Requests that differ in one thing alone are those that a forgotten part of a key confuses.
  const only = random.bool(0.4) ? "cookie" : undefined;
  const some = (name: string, values: readonly string[]) => {
    const isSent = only === undefined ? random.bool(0.4) : only === name && random.bool();
    if (isSent) headers.set(name, random.pick(values));
  };
  some("x-api-key", ["k-ann", "k-bob", "guess"]);
  some("cookie", ["u=ann", "u=bob"]);
  if (random.bool(0.3)) some("authorization", ["Bearer ann", "Bearer bob"]);
  some("accept-language", ["de", "fr"]);
  if (random.bool(0.1)) headers.set("x-auth-request-user", random.pick(["ann", "bob"]));
  some("x-other", ["1", "2"]);
  some("x-request-id", ["request-one", "request-two"]);
  some("traceparent", [`00-${"a".repeat(32)}-${"b".repeat(16)}-01`]);
  if (random.bool(0.3)) some("cache-control", ["no-cache", "max-age=1", "no-store"]);
  const isProxied = random.bool(0.2);
  if (isProxied) {
    some("x-forwarded-proto", ["https", "http"]);
    some("x-forwarded-host", ["a.example", "c.example"]);
    some("x-forwarded-user", ["ann", "bob"]);
  }
  const route = random.pick(["one", "graph", "each", "forward", "forward", "function"]);
  const id = route === "forward" || route === "function" ? "x" : random.pick(["1", "2"]);
  const query = random.pick(["tenant=a", "tenant=a", "tenant=b", "tenant=a&tenant=b"]);
  const host = random.bool(0.85) ? "a.example" : "b.example";
  const url = `http://${host}/${route}/${id}?${query}`;
  const bindings: Bindings = {
    remoteAddress: isProxied ? "10.0.0.1" : random.pick(["192.0.2.1", "192.0.2.2"]),
    scheme: random.bool(0.9) ? "http" : "https",
    completed: Promise.resolve(),
  };
  return { url, headers, bindings };
}
