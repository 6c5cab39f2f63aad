import type { CallRecord } from "../core/trace.ts";
import type { EndedRequest } from "./ended_request.ts";

/**
 * Someone who looks at what happened: metrics, a page of recent requests, spans.
 *
 * Why not a stream of events: nearly all that is worth knowing about a request is known when it is over,
 * and by then it stands in the request's Trace, as plain objects (see `lib/core/trace.ts`). So nothing
 * is sent anywhere while a request runs; each observer gets one value when it has ended. Where a gateway
 * has no observers, nothing is recorded at all, and {@linkcode CallRecord}s do not even exist.
 *
 * Observers are called synchronously on the hot path: count, or store the value, and return. They must
 * not throw, and must not change what they get.
 *
 * @example
 * ```ts
 * const slow: Observer = {
 *   requestEnded({ route, durationMs, calls = [] }) {
 *     if (durationMs > 1_000) console.log(route, calls.map(({ upstream }) => upstream));
 *   },
 * };
 * buildGateway(settings, { ...deps, observers: [slow] });
 * ```
 */
export interface Observer {
  /** Called once for each request that has arrived. */
  requestStarted?(): void;
  /** Called once for each request that has ended, also one that was cut off or matched no route. */
  requestEnded?(request: EndedRequest): void;
  /** Called once for each attempt that has started, with the record that its end will complete. */
  callStarted?(call: CallRecord): void;
  /**
   * Called once for each attempt that has ended, with its final record: the same object that its
   * request's `calls` contains. Some attempts outlive their request, or belong to none, such as those
   * that refresh a cache: who counts attempts must count them here.
   */
  callEnded?(call: CallRecord): void;
}
