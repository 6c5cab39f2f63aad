import type { BackgroundTask } from "./background.ts";
import type { Body } from "./body.ts";
import type { Trace } from "./trace.ts";

/** Something that can be asked. It rejects with a GatewayError and nothing else. */
export type Source = (call: Call, ctx: Context) => Promise<Reply>;

/** A way of asking: same type in, same type out. */
export type Policy = (next: Source) => Source;

/** What is asked. */
export interface Call {
  readonly method: string;
  /** Path and query as they stand on the wire, percent-encoded: `/users/9?lang=de`. */
  readonly path: string;
  readonly headers: Headers;
  readonly body?: Body;
  /** What the route's pattern captured, decoded. */
  readonly params?: Readonly<Record<string, string>>;
}

/** What is answered; also when the status is 404 or 500. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** What crosses every layer of one request. */
export interface Context {
  /** Aborts when nobody needs the answer any more; its reason is a GatewayError. */
  readonly signal: AbortSignal;
  /** When the whole request must be answered, on the monotonic clock (ms). */
  readonly deadline: number;
  readonly client: Client;
  readonly trace: Trace;
  /** Starts work that outlives the answer on purpose. */
  readonly background: (task: BackgroundTask) => void;
}

/** Who asks. */
export interface Client {
  /** The address the request came from. */
  readonly address: string;
}

/** Composes policies around a source, outermost first: `guard(source, a, b)` is `a(b(source))`. */
export function guard(source: Source, ...policies: readonly Policy[]): Source {
  return policies.reduceRight((next, policy) => policy(next), source);
}
