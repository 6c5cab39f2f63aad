import { abortable } from "@std/async";
import { toGatewayError } from "../core/errors.ts";
import { FieldList } from "../core/field_list.ts";
import { platformSignal } from "../core/scope.ts";
import type { Call, Context, Source } from "../core/source.ts";

/**
 * Wraps an async function as a Source: exceptions become GatewayErrors, and a function that ignores
 * its signal is abandoned when the signal aborts.
 */
export function functionSource(source: Source): Source {
  return async function functionSource(call, ctx) {
    ctx.signal.throwIfAborted();
    try {
      return await abortable(Promise.try(source, withHeaders(call), withSignal(ctx)), ctx.signal);
    } catch (error) {
      ctx.signal.throwIfAborted();
      throw toGatewayError(error);
    }
  };
}

/** The function may pass what it receives to the platform, which accepts only its own classes. */
function withHeaders(call: Call): Call {
  return call.headers instanceof FieldList ? { ...call, headers: new Headers(call.headers) } : call;
}

function withSignal(ctx: Context): Context {
  const signal = platformSignal(ctx.signal);
  return signal === ctx.signal ? ctx : { ...ctx, signal };
}
