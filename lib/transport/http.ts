import type { Clock } from "../core/clock.ts";
import type { Source } from "../core/source.ts";
import { type FetchClients, fetchSource, openFetchClients } from "./fetch_source.ts";
import { type LookUp, lookUp } from "./socket/look_up.ts";
import { originOf } from "./socket/origin.ts";
import { Pool, type PoolOptions } from "./socket/pool.ts";
import { socketSource } from "./socket/socket_source.ts";

/** Shorter than 5 s, after which many servers close idle connections. */
const IDLE_MS = 4_000;
/** Maximum idle connections; further ones close after their calls. */
const MAX_IDLE = 1_024;

/** How an HTTP API is called: over the gateway's sockets, or through `fetch`. */
export type TransportKind = "socket" | "fetch";

/** How many connections are open. */
export interface OpenConnections {
  readonly active: number;
  readonly idle: number;
}

/** Connections to upstreams, pooled. Disposing it closes them. */
export interface HttpTransport extends Disposable {
  /**
   * Returns the Source of an HTTP API: calls `base` + the call's path, and follows no redirects.
   * @param base origin and base path, without a trailing slash
   * @param kind default `socket`
   * @param address one of its host's addresses, for sockets only (default: the platform chooses)
   */
  source(base: string, kind?: TransportKind, address?: string): Source;
  /** Returns how many connections are open; those of `fetch` are not known. */
  connections(): OpenConnections;
  /** Looks up a host's addresses; absent where connections cannot be made to them. */
  readonly lookUp?: LookUp;
}

/** Opens the connection pools of a process. */
export function openHttpTransport(clock: Clock, options: Partial<PoolOptions> = {}): HttpTransport {
  const { maxIdle = MAX_IDLE, idleMs = IDLE_MS, isTlsInOneStep = false } = options;
  let clients: FetchClients | undefined;
  // A pool lives as long as a Source uses it, or it has an idle connection: upstreams and their
  // addresses come and go.
  const pools = new Map<string, WeakRef<Pool>>();
  const unused = new FinalizationRegistry((key: string) => {
    if (pools.get(key)?.deref() === undefined) pools.delete(key);
  });
  const poolOf = (url: URL, address?: string) => {
    const key = address === undefined ? url.origin : `${url.origin} ${address}`;
    const known = pools.get(key)?.deref();
    if (known) return known;
    const pool = new Pool(originOf(url, address), { maxIdle, idleMs, isTlsInOneStep });
    pools.set(key, new WeakRef(pool));
    unused.register(pool, key);
    return pool;
  };
  return {
    // TLS in one step takes the server's name from what it connects to.
    ...(isTlsInOneStep ? {} : { lookUp }),
    source(base, kind = "socket", address) {
      if (kind === "fetch") return fetchSource(base, clients ??= openFetchClients(idleMs), clock);
      const url = new URL(base);
      const basePath = url.pathname.replace(/\/$/, "");
      return socketSource({ origin: originOf(url), basePath, pool: poolOf(url, address), clock });
    },
    connections() {
      let [active, idle] = [0, 0];
      for (const pool of pools.values()) {
        const { size = 0, idle: resting = 0 } = pool.deref() ?? {};
        active += size - resting;
        idle += resting;
      }
      return { active, idle };
    },
    [Symbol.dispose]() {
      clients?.[Symbol.dispose]();
      for (const pool of pools.values()) pool.deref()?.[Symbol.dispose]();
    },
  };
}
