import type { Certificate } from "../config/tls.ts";
import type { Clock } from "../core/clock.ts";
import { DEFAULTS } from "../core/defaults.ts";
import { StartError } from "../core/start_error.ts";
import { hasDescriptors } from "./has_descriptors.ts";
import { Listener } from "./listener.ts";
import type { Log } from "../log/log.ts";
import type { Output } from "./output.ts";

/** The shortest time between two log lines about reopening (ms). */
const LOG_MS = 10_000;

/** Where to listen, and what handles the requests. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Whether other processes may listen on the same port; the system then shares out connections. */
  readonly reusePort: boolean;
  /** The certificate for TLS, asked for whenever a server starts; undefined: plain HTTP. */
  readonly certificate: () => Certificate | undefined;
  readonly handler: Deno.ServeHandler<Deno.NetAddr>;
  readonly clock: Clock;
  readonly output: Pick<Output, "line" | "flush">;
  readonly log: Log;
  /** Called with a message when it can no longer listen. */
  readonly onEnd: (message: string) => void;
}

/**
 * Listens until the program ends, reopening the listener when it fails, and prints the address.
 * @throws {StartError} when it cannot listen at start
 */
export function listen(options: ListenOptions): Listener {
  const { host, reusePort, certificate, handler, clock, output, log, onEnd } = options;
  let { port } = options;
  let isAnnounced = false;
  const onListen = (address: Deno.NetAddr) => {
    if (isAnnounced) return;
    isAnnounced = true;
    port = address.port; // with port 0: every later listener takes the same one
    const { hostname } = address;
    const scheme = certificate() ? "https" : "http";
    output.line(
      `listening on ${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
    );
    output.flush();
  };
  let loggedAt = -Infinity;
  const onReopen = (why: unknown, times: number) => {
    if (clock.monotonic() - loggedAt < LOG_MS) return;
    loggedAt = clock.monotonic();
    const closed = "idle connections were closed, listening again";
    log.write("warn", `listener: ${messageOf(why)}: ${closed} (${times} since the start)`);
  };
  const serve = () => {
    const tls = certificate();
    if (!tls) return Deno.serve({ hostname: host, port, reusePort, onListen }, handler);
    const { cert, key, expiresAt } = tls;
    if (expiresAt < clock.wall()) {
      log.write("warn", `tls: the certificate expired on ${new Date(expiresAt).toISOString()}`);
    }
    // Shared, so that a server with a renewed certificate can start before this one ends.
    return Deno.serve({ hostname: host, port, reusePort: true, onListen, cert, key }, handler);
  };
  try {
    // The port of another program must not be shared by accident.
    if (certificate() && !reusePort) Deno.listen({ hostname: host, port }).close();
    return new Listener({
      serve,
      hasRoom: () => hasDescriptors(DEFAULTS.reservedDescriptors),
      clock,
      onFull: () =>
        log.write(
          "error",
          "listener: requests in flight use nearly all file descriptors: " +
            "new connections are refused until some have ended (raise ulimit -n)",
        ),
      onReopen,
      onEnd: (error) => onEnd(`can no longer listen on ${host}:${port}: ${messageOf(error)}`),
    });
  } catch (error) {
    const advice = error instanceof Deno.errors.AddrInUse
      ? "the port is in use; choose another with --port"
      : messageOf(error);
    throw new StartError(`cannot listen on ${host}:${port}: ${advice}`);
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
