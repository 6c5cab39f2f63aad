import { type Duration, parseDuration } from "../../lib/config/units.ts";
import { type Clock, systemClock } from "../../lib/core/clock.ts";
import type { Call, Context } from "../../lib/core/source.ts";

/** Options of {@linkcode callContext}; each has a default. */
export interface CallContextOptions {
  /** Aborts the call. Default: nothing does. */
  readonly signal?: AbortSignal | undefined;
  /** How long the whole may take, with all retries and waits: `"2s"`. Default: as long as it takes. */
  readonly deadline?: Duration | undefined;
  /** The clock. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/**
 * Makes what a Source is called with, outside of a gateway.
 * @throws {TypeError} for an invalid deadline
 *
 * @example
 * ```ts
 * import { callContext, fromResponse, getCall, guard, timeout } from "sluice/policies";
 *
 * const source = guard(() => Promise.resolve(fromResponse(Response.json(7))), timeout("1s"));
 * const reply = await source(getCall("/"), callContext({ deadline: "2s" }));
 * console.log(await reply.body.json(1024)); // 7
 * ```
 */
export function callContext(
  { signal, deadline, clock = systemClock }: CallContextOptions = {},
): Context {
  const ms = deadline === undefined ? Infinity : parseDuration(deadline);
  if (ms === undefined) throw new TypeError(`deadline: must be such as 2s; got "${deadline}"`);
  return {
    signal: signal ?? new AbortController().signal,
    deadline: clock.monotonic() + ms,
    client: { address: "127.0.0.1" },
    trace: { id: crypto.randomUUID(), parts: [] },
    background: (task) => void task(new AbortController().signal),
  };
}

/**
 * Makes a GET call.
 *
 * @example
 * ```ts
 * import { getCall } from "sluice/policies";
 *
 * console.log(getCall("/users/7").method); // "GET"
 * ```
 */
export function getCall(path: string, headers: HeadersInit = {}): Call {
  return { method: "GET", path, headers: new Headers(headers) };
}
