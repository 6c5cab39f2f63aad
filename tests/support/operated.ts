import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { KvStore, LOCAL_KV } from "../../lib/limiter/stores/kv_store.ts";
import { kvOperator } from "../../lib/operator/kv_operator.ts";
import { json } from "../../lib/json/json_reply.ts";
import { ask } from "./responses.ts";
import { startGateway, type TestGateway } from "./gateway.ts";
import { ManualClock } from "./manual_clock.ts";
import { testGuard } from "./test_guard.ts";

/** A limit with a tier, and one by address for each route alone. */
export const OPERATED: GatewayConfig = {
  upstreams: { it: { source: () => Promise.resolve(json(1)) } },
  clients: { key: "header:x-api-key", known: "kv" },
  limits: {
    perClient: {
      rate: "1/min",
      burst: 3,
      by: ["client", "ip"],
      tiers: { pro: { rate: "1/min", burst: 6 } },
    },
    perRoute: { rate: "1/min", burst: 10, by: "ip", perRoute: true },
  },
  trustedProxies: ["127.0.0.1"],
  routes: {
    "GET /a": { limit: ["perClient", "perRoute"], gather: { it: { from: "it" } } },
    "GET /b": { limit: "perRoute", gather: { it: { from: "it" } } },
  },
};

/** An answer of the gateway, read. */
export interface Told {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any -- a document whose members each test names
  readonly document: any;
}

/** A gateway with an operator, whose store several may share. */
export interface Operated extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly clock: ManualClock;
  readonly kv: Deno.Kv;
  /** Asks an operator's route: `admin("PUT", "buckets/ban?…")`. */
  readonly admin: (method: string, path: string, body?: unknown) => Promise<Told>;
  /** Asks as a client. */
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Told>;
  /** How many requests are admitted until the first is refused. */
  readonly admitted: (path: string, headers?: Record<string, string>) => Promise<number>;
}

/** The token of the operator. */
export const TOKEN = "the operator's own";

/** Starts it. @param shared the store and the clock of another, which they are to share */
export async function startOperated(
  config: GatewayConfig = OPERATED,
  shared?: Pick<Operated, "kv" | "clock">,
): Promise<Operated> {
  const kv = shared?.kv ?? await Deno.openKv(":memory:");
  const clock = shared?.clock ?? new ManualClock();
  const stopping = new AbortController();
  const operator = kvOperator(kv, { clock, guard: testGuard({ clock }), onError: () => {} });
  await operator.refresh();
  operator.follow(stopping.signal);
  const buckets = new KvStore(kv, LOCAL_KV);
  const gateway = startGateway(config, { clock, operator, buckets, adminToken: TOKEN });
  const told = async (path: string, init: RequestInit): Promise<Told> => {
    // Processes that meet at one record try again a little later.
    const ticking = setInterval(() => clock.advance(1), 20);
    const { status, headers, body } = await ask(gateway.url + path, init)
      .finally(() => clearInterval(ticking));
    const text = await new Response(body).text();
    return { status, headers, document: text === "" ? undefined : JSON.parse(text) };
  };
  const get: Operated["get"] = (path, headers = {}) => told(path, { headers });
  return {
    gateway,
    clock,
    kv,
    get,
    admin: (method, path, body) =>
      told(`/_gateway/${path}`, {
        method,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    async admitted(path, headers) {
      for (let count = 0; count < 100; count++) {
        if ((await get(path, headers)).status !== 200) return count;
      }
      throw new Error("there is no end to it");
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await gateway[Symbol.asyncDispose]();
      if (!shared) kv.close();
    },
  };
}
