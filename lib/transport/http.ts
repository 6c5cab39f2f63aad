import type { Clock } from "../core/clock.ts";
import { digest } from "../core/digest.ts";
import type { Source } from "../core/source.ts";
import { StartError } from "../core/start_error.ts";
import type { UpstreamTls } from "../config/upstream_tls.ts";
import { type FetchClients, fetchSource, openFetchClients } from "./fetch_source.ts";
import { type Access, PLAIN_ACCESS } from "./socket/access.ts";
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
   * @param access TLS and the `Host` header (default: what the URL says)
   * @throws {StartError} if connections cannot have another server name here
   */
  source(base: string, kind?: TransportKind, address?: string, access?: Access): Source;
  /** Returns how many connections are open; those of `fetch` are not known. */
  connections(): OpenConnections;
  /** Looks up a host's addresses; absent where connections cannot be made to them. */
  readonly lookUp?: LookUp;
}

/** Opens the connection pools of a process. */
export function openHttpTransport(clock: Clock, options: Partial<PoolOptions> = {}): HttpTransport {
  const { maxIdle = MAX_IDLE, idleMs = IDLE_MS, isTlsInOneStep = false } = options;
  /** By TLS settings: connections are never shared by different ones. */
  const clients = new Map<string, FetchClients>();
  // A pool lives as long as a Source uses it, or it has an idle connection: upstreams and their
  // addresses come and go.
  const pools = new Map<string, WeakRef<Pool>>();
  const unused = new FinalizationRegistry((key: string) => {
    if (pools.get(key)?.deref() === undefined) pools.delete(key);
  });
  const clientsOf = ({ tls }: Access) => {
    const key = tlsKey(tls);
    const known = clients.get(key) ?? openFetchClients(idleMs, tls);
    clients.set(key, known);
    return known;
  };
  const poolOf = (url: URL, address: string | undefined, access: Access) => {
    const key = `${url.origin} ${address ?? ""} ${tlsKey(access.tls)} ${
      access.allowsPrivate ?? true
    }`;
    const known = pools.get(key)?.deref();
    if (known) return known;
    const pool = new Pool(originOf(url, address, access), { maxIdle, idleMs, isTlsInOneStep });
    pools.set(key, new WeakRef(pool));
    unused.register(pool, key);
    return pool;
  };
  return {
    // TLS in one step takes the server's name from what it connects to.
    ...(isTlsInOneStep ? {} : { lookUp }),
    source(base, kind = "socket", address, access = PLAIN_ACCESS) {
      if (isTlsInOneStep && access.tls?.serverName !== undefined) {
        throw new StartError("tls.serverName of upstreams must not be set on Deno Deploy");
      }
      if (kind === "fetch") return fetchSource(base, clientsOf(access), clock);
      const url = new URL(base);
      const basePath = url.pathname.replace(/\/$/, "");
      const pool = poolOf(url, address, access);
      return socketSource({ origin: originOf(url, undefined, access), basePath, pool, clock });
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
      for (const opened of clients.values()) opened[Symbol.dispose]();
      for (const pool of pools.values()) pool.deref()?.[Symbol.dispose]();
    },
  };
}

/** Identifies TLS settings, without showing the key. */
function tlsKey(tls: UpstreamTls | undefined): string {
  return tls === undefined ? "" : digest(JSON.stringify(tls));
}
