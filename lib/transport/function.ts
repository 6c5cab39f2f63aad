import { abortable } from "@std/async";
import { toGatewayError } from "../core/errors.ts";
import type { Source } from "../core/source.ts";

/**
 * Wraps an async function as a Source: exceptions become GatewayErrors, and a function that ignores
 * its signal is abandoned when the signal aborts.
 */
export function functionSource(source: Source): Source {
  return async function functionSource(call, ctx) {
    ctx.signal.throwIfAborted();
    try {
      return await abortable(Promise.try(source, call, ctx), ctx.signal);
    } catch (error) {
      ctx.signal.throwIfAborted();
      throw toGatewayError(error);
    }
  };
}
