import type { Clock } from "../core/clock.ts";
import { DEFAULTS } from "../core/defaults.ts";
import { StartError } from "../core/start_error.ts";
import { hasDescriptors } from "./has_descriptors.ts";
import { Listener } from "./listener.ts";
import type { Output } from "./output.ts";

/** How long between two lines that tell of the listener's reopening (ms). */
const TELL_MS = 10_000;

/** Where to listen, and what for. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly handler: Deno.ServeHandler<Deno.NetAddr>;
  readonly clock: Clock;
  readonly output: Output;
  /** Told why it cannot listen any more. */
  readonly onEnd: (message: string) => void;
}

/**
 * Listens until the program ends, whatever happens to the listener, and says where.
 * @throws {StartError} when it cannot listen at all
 */
export function listen({ host, port, handler, clock, output, onEnd }: ListenOptions): Listener {
  let isTold = false;
  const onListen = (address: Deno.NetAddr) => {
    if (isTold) return;
    isTold = true;
    port = address.port; // from now on this one, also when any would have done
    const { hostname } = address;
    output.line(
      `listening on http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`,
    );
    output.flush();
  };
  let toldAt = -Infinity;
  const onReopen = (why: unknown, times: number) => {
    if (clock.monotonic() - toldAt < TELL_MS) return;
    toldAt = clock.monotonic();
    const closed = "idle connections were closed, and it listens again";
    output.error(`listener: ${messageOf(why)}: ${closed} (${times} since the start)`);
  };
  try {
    return new Listener({
      serve: () => Deno.serve({ hostname: host, port, onListen }, handler),
      hasRoom: () => hasDescriptors(DEFAULTS.reservedDescriptors),
      clock,
      onFull: () =>
        output.error(
          "listener: requests in flight take nearly all file descriptors: " +
            "new connections are refused until some have ended (see ulimit -n)",
        ),
      onReopen,
      onEnd: (error) => onEnd(`cannot listen on ${host}:${port} any more: ${messageOf(error)}`),
    });
  } catch (error) {
    const advice = error instanceof Deno.errors.AddrInUse
      ? "something else listens there; choose another with --port"
      : messageOf(error);
    throw new StartError(`cannot listen on ${host}:${port}: ${advice}`);
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
