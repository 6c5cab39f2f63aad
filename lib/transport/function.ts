import { abortable } from "@std/async";
import { toGatewayError } from "../core/errors.ts";
import { FieldList } from "../core/field_list.ts";
import { platformSignal } from "../core/scope.ts";
import type { Call, Context, Source } from "../core/source.ts";
import { setTraceHeaders, traceHeaders } from "./trace_headers.ts";

/**
 * Wraps an async function as a Source: exceptions become GatewayErrors, and a function that ignores
 * its signal is abandoned when the signal aborts.
 */
export function functionSource(source: Source): Source {
  return async function functionSource(call, ctx) {
    ctx.signal.throwIfAborted();
    try {
      const run = () => Promise.try(source, withHeaders(call, ctx), withSignal(ctx));
      return await abortable(ctx.span ? ctx.span.run(run) : run(), ctx.signal);
    } catch (error) {
      ctx.signal.throwIfAborted();
      throw toGatewayError(error);
    }
  };
}

/** The function may pass what it receives to the platform, which accepts only its own classes. */
function withHeaders(call: Call, ctx: Context): Call {
  // While OpenTelemetry is on, Deno adds the trace's headers to what the function fetches.
  const trace = ctx.span === undefined ? traceHeaders(call, ctx) : undefined;
  if (trace === undefined && !(call.headers instanceof FieldList)) return call;
  const headers = new Headers(call.headers);
  if (trace) setTraceHeaders(headers, trace);
  return { ...call, headers };
}

function withSignal(ctx: Context): Context {
  const signal = platformSignal(ctx.signal);
  return signal === ctx.signal ? ctx : { ...ctx, signal };
}
