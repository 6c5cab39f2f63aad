import { abortable } from "@std/async";
import { toGatewayError } from "../core/errors.ts";
import type { Source } from "../core/source.ts";

/**
 * Makes any async function safe to ask: what it throws becomes a GatewayError, and a function that
 * does not listen to its signal is no longer waited for when the signal aborts.
 */
export function functionSource(ask: Source): Source {
  return async function functionSource(call, ctx) {
    ctx.signal.throwIfAborted();
    try {
      return await abortable(Promise.try(ask, call, ctx), ctx.signal);
    } catch (error) {
      ctx.signal.throwIfAborted();
      throw toGatewayError(error);
    }
  };
}
