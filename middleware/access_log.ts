import type { InFlight } from "../lib/async/in_flight.ts";
import type { Clock } from "../lib/core/clock.ts";
import type { ClientHashes } from "../lib/operator/client_hashes.ts";
import type { Shutdown } from "../lib/process/shutdown.ts";
import { isReservedPath } from "../lib/http/reserved_path.ts";
import { endedRequest } from "../lib/observe/ended_request.ts";
import type { Observer } from "../lib/observe/observer.ts";
import { statusOf } from "./access_entry.ts";
import type { Exchange } from "./exchange.ts";
import type { CutShort, LoggedRequest } from "./logged_request.ts";
import type { Middleware } from "./middleware.ts";

/** The access log's dependencies. */
export interface AccessLogOptions {
  readonly clock: Clock;
  readonly log: (request: LoggedRequest) => void;
  /** The hashes of clients without a name. */
  readonly hashes: Pick<ClientHashes, "of">;
  readonly shutdown: Shutdown;
  /** Who gets each request when it has ended (default: nobody). */
  readonly observers?: readonly Observer[] | undefined;
  /** Counts the requests that are not logged yet. */
  readonly inFlight?: InFlight;
}

/** Logs each request once, when its response has been sent or the process ends. */
export function accessLog(options: AccessLogOptions): Middleware {
  const { clock, log, hashes, shutdown, observers = [], inFlight: counted } = options;
  /** The requests in flight, and when each arrived (ms since 1970). */
  const inFlight = new Map<Exchange, number>();
  const write = (c: Exchange, cutShort?: CutShort) => {
    const arrivedAt = inFlight.get(c);
    if (arrivedAt === undefined) return; // already logged, when the process ended
    inFlight.delete(c);
    const tookMs = clock.monotonic() - c.arrivedAt;
    const client = clientOf(c, hashes);
    log({ c, arrivedAt, tookMs, client, cutShort });
    if (observers.length > 0) observe(observers, c, { time: arrivedAt, tookMs, client }, cutShort);
    counted?.leave();
  };
  shutdown.onEnd(() => {
    const count = inFlight.size;
    for (const c of [...inFlight.keys()]) write(c, { cutOff: true });
    return count;
  });
  return {
    before(c) {
      inFlight.set(c, clock.wall());
      counted?.enter();
      for (const observer of observers) observer.requestStarted?.();
    },
    after(c) {
      const { streaming, sending, env: { completed } } = c;
      const end = () => write(c);
      // A client may leave before its request has finished.
      const whenOver = () => {
        if (streaming) Promise.allSettled([completed, streaming]).then(end);
        else completed.then(end, end);
      };
      if (sending === undefined) return whenOver();
      // The server does not report a client that stays connected and stops reading.
      sending.then((outcome) =>
        outcome === "timeout" ? write(c, { ended: "send-timeout" }) : whenOver()
      );
    },
  };
}

/** A known client's name, else a hash: of the peer's address when no route matched. */
function clientOf({ lifetime, env }: Exchange, hashes: AccessLogOptions["hashes"]): string {
  const client = lifetime?.ctx.client;
  return client?.name ?? hashes.of(client?.address ?? env.remoteAddress);
}

function observe(
  observers: readonly Observer[],
  c: Exchange,
  { time, tookMs, client }: {
    readonly time: number;
    readonly tookMs: number;
    readonly client: string;
  },
  { cutOff, ended }: CutShort = {},
): void {
  const { trace, method, path, route, error, arrivedAt, env } = c;
  const request = endedRequest({
    route,
    isOwn: isReservedPath(path),
    client,
    method,
    status: statusOf(c),
    problem: error?.kind,
    ended: cutOff ? "cut-off" : ended,
    isInBatch: env.batch !== undefined,
    time,
    arrivedAt,
    durationMs: tookMs,
  }, trace);
  for (const observer of observers) observer.requestEnded?.(request);
}
