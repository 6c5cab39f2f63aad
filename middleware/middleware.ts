import type { CorsSettings } from "../lib/config/cors.ts";
import type { Exchange } from "./exchange.ts";
import type { ResponseDraft } from "./response_draft.ts";

type Awaitable<T> = T | Promise<T>;

/**
 * One step of every request, in two plain functions: nothing of it lives while the request waits for
 * its upstreams. What `after` needs to know of `before` is a field of the Exchange.
 */
export interface Middleware {
  /** Runs on the way in. A response, or an error, turns the request back: the rest is left out. */
  readonly before?: ((c: Exchange) => Awaitable<ResponseDraft | void>) | undefined;
  /** Runs on the way out, in reverse order, when `before` let the request pass; also after an error. */
  readonly after?: ((c: Exchange, response: ResponseDraft) => Awaitable<void>) | undefined;
}

/** Handles a request that has passed the middleware. */
export type Endpoint = (c: Exchange) => Awaitable<ResponseDraft>;

/** The way of a request through the gateway. */
export interface Way {
  readonly middleware: readonly Middleware[];
  readonly endpoint: Endpoint;
  /** Turns an error into the response to it. */
  readonly problem: (error: unknown, c: Exchange) => ResponseDraft;
  /** Cross-origin access to its responses; undefined: none. */
  readonly cors?: CorsSettings | undefined;
  /** Whether it is that of a QUERY whose body is read as JSON. */
  readonly takesQueries: boolean;
}
