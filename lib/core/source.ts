import type { BackgroundTask } from "./background.ts";
import type { Body } from "./body.ts";
import type { Bytes } from "./bytes.ts";
import type { BufferAccount } from "./buffer_budget.ts";
import type { PartFailure } from "./errors.ts";
import type { Trace } from "./trace.ts";

/** Something that can be asked. It rejects with a GatewayError and nothing else. */
export type Source = (call: Call, ctx: Context) => Promise<Reply>;

/** A way of asking: same type in, same type out. */
export type Policy = (next: Source) => Source;

/** What is asked. */
export interface Call {
  /** In capitals. */
  readonly method: string;
  /** Path and query as they stand on the wire, percent-encoded: `/users/9?lang=de`. */
  readonly path: string;
  /** To be read, and copied before it is changed. */
  readonly headers: Headers;
  /** Absent when nothing is sent. */
  readonly body?: Body;
  /**
   * Stands for the headers that the gateway put in, by which caches tell calls apart; absent when it
   * put in none.
   */
  readonly headerKey?: string;
  /** Whether the Authorization among the headers is the gateway's own, and no client's. */
  readonly hasOwnAuthorization?: boolean;
  /** Whether the headers hold what one client alone has, such as a Cookie, and no key tells. */
  readonly isPersonal?: boolean;
  /** What the route's pattern captured, decoded. */
  readonly params?: Readonly<Record<string, string>>;
  /** The JSON that the parts came to which the function that maps the response is told of. */
  readonly parts?: Readonly<Record<string, Bytes>>;
}

/** What is answered; also when the status is 404 or 500. */
export interface Reply {
  /** From 200 to 599. */
  readonly status: number;
  /** Those of the answer alone, its own and no connection's. */
  readonly headers: Headers;
  /** Empty rather than absent. */
  readonly body: Body;
  /** What is missing from it; absent when nothing is. */
  readonly failures?: readonly PartFailure[];
  /** The answers that it was put together from; absent when it came as one. */
  readonly madeOf?: readonly Reply[];
  /** How a cache had to do with it; absent when none had. */
  readonly cached?: CachedFacts;
}

/** What a cache knows of an answer. */
export interface CachedFacts {
  /** Whether nobody further on was asked for it. */
  readonly isHit: boolean;
  /** Whether it is out of date, and served because no new one could be had. */
  readonly isStale: boolean;
  /** How long it stays fresh (ms); undefined when neither it nor the config says. */
  readonly freshMs: number | undefined;
}

/** What crosses every layer of one request. */
export interface Context {
  /** Aborts when nobody needs the answer any more; its reason is a GatewayError. */
  readonly signal: AbortSignal;
  /**
   * When the answer must be there at the latest, on the monotonic clock (ms): the request's own
   * deadline, and within one attempt the end of that attempt.
   */
  readonly deadline: number;
  /** Who asks. */
  readonly client: Client;
  /** What is told of the request in logs and headers. */
  readonly trace: Trace;
  /** Starts work that outlives the answer on purpose. */
  readonly background: (task: BackgroundTask) => void;
  /** What the request's buffered bodies count in; absent when they count nowhere. */
  readonly buffers?: BufferAccount | undefined;
}

/** Who asks. */
export interface Client {
  /** The address the request came from, as far as whoever told it is trusted. */
  readonly address: string;
  /** Who it is, when it showed a key that is known. */
  readonly name?: string;
  /** Its class, which some limits tell apart. */
  readonly tier?: string;
}

/** Composes policies around a source, outermost first: `guard(source, a, b)` is `a(b(source))`. */
export function guard(source: Source, ...policies: readonly Policy[]): Source {
  return policies.reduceRight((next, policy) => policy(next), source);
}
