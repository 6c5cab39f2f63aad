import { countries } from "./countries.ts";
import type { Handler } from "./handler.ts";
import { holidays } from "./holidays.ts";
import { withLatency } from "./latency.ts";
import { withMoods } from "./mood.ts";
import { timeZones } from "./time_zones.ts";

/** Where the sample upstreams listen. */
export interface SamplesOptions {
  /** TCP ports, 9001 to 9004 unless given; 0 takes any free one. */
  readonly ports?: Partial<Record<keyof SampleUrls, number>>;
  /** A name or an IPv4 address of this machine, 127.0.0.1 unless given. */
  readonly hostname?: string;
  /** How long each takes to respond (ms), as over a network; 0 unless given. */
  readonly latencies?: Partial<Record<keyof SampleUrls, number>>;
}

/** Each sample's base URL, such as `http://127.0.0.1:9001`. */
export interface SampleUrls {
  readonly countries: string;
  readonly holidays: string;
  readonly timeZones: string;
  /** A second copy of the countries. */
  readonly mirror: string;
}

/** The running sample upstreams. Disposing them cuts off requests in flight. */
export interface Samples extends AsyncDisposable {
  readonly urls: SampleUrls;
}

/**
 * Starts the sample upstreams, each on a port of its own.
 *
 * @throws {Deno.errors.AddrInUse} when a port is taken; none of them runs then.
 */
export async function serveSamples(
  { ports = {}, hostname = "127.0.0.1", latencies = {} }: SamplesOptions = {},
): Promise<Samples> {
  const stop = new AbortController();
  const finished: Promise<void>[] = [];
  const dispose = async () => {
    stop.abort();
    await Promise.all(finished);
  };

  const serve = (sample: string, handler: Handler, port: number): string => {
    const { signal } = stop;
    try {
      const server = Deno.serve({ hostname, port, signal, onListen() {} }, handler);
      finished.push(server.finished);
      return `http://${hostname}:${server.addr.port}`;
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
      throw new Deno.errors.AddrInUse(
        `The sample "${sample}" needs port ${port}, which another program uses: ` +
          `stop that program (lsof -i :${port} names it) and start again.`,
        { cause },
      );
    }
  };

  try {
    const sample = (name: keyof SampleUrls, handler: Handler, port: number) =>
      serve(name, withMoods(withLatency(handler, latencies[name] ?? 0)), ports[name] ?? port);
    const urls = {
      countries: sample("countries", countries, 9001),
      holidays: sample("holidays", holidays, 9002),
      timeZones: sample("timeZones", timeZones, 9003),
      mirror: sample("mirror", countries, 9004),
    };
    return { urls, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
