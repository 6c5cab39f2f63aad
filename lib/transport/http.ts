import { Body } from "../body.ts";
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { isBodiless } from "../is_bodiless.ts";
import { isSafe } from "../is_safe.ts";
import type { Reply, Source } from "../source.ts";
import { upstreamFailure } from "../upstream_fault.ts";
import { faultOf } from "./fault_of.ts";

/** Shorter than the 5 s after which many servers close an idle connection under a request. */
const POOL_IDLE_TIMEOUT_MS = 4_000;

/** Connections to upstreams, pooled. Disposing it closes them. */
export interface HttpTransport extends Disposable {
  /**
   * The Source of one HTTP API: asks `base` + the call's path, and follows no redirect.
   * @param base origin and base path, with no slash at its end
   */
  source(base: string): Source;
}

/** Says how long an answer is waited for (ms), so that an upstream can stop when nobody listens. */
const EXPECTED_TIMEOUT = "x-envoy-expected-rq-timeout-ms";

/** Opens the one connection pool of a process. */
export function openHttpTransport(clock: Clock): HttpTransport {
  const pooled = Deno.createHttpClient({ poolIdleTimeout: POOL_IDLE_TIMEOUT_MS });
  const unpooled = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  return {
    source: (base) => async (call, ctx) => {
      ctx.signal.throwIfAborted();
      const { method, body } = call;
      const headers = new Headers(call.headers);
      const remaining = Math.floor(ctx.deadline - clock.monotonic());
      if (remaining < Infinity) headers.set(EXPECTED_TIMEOUT, String(Math.max(1, remaining)));
      let response: Response;
      try {
        response = await fetch(base + call.path, {
          // fetch repeats what an idle connection lost, a POST as well: those get new connections.
          client: isSafe(method) ? pooled : unpooled,
          method,
          headers,
          body: body?.handOn() ?? null,
          redirect: "manual",
          signal: ctx.signal,
        });
      } catch (error) {
        ctx.signal.throwIfAborted();
        throw upstreamFailure(faultOf(error));
      }
      return toReply(response, method);
    },
    [Symbol.dispose]: () => {
      pooled.close();
      unpooled.close();
    },
  };
}

async function toReply(response: Response, method: string): Promise<Reply> {
  const { status, headers } = response;
  if (status < 200 || status > 599) {
    await response.body?.cancel();
    throw new GatewayError("upstream-invalid", `the upstream answered with the status ${status}`);
  }
  return { status, headers, body: bodyOf(response, method) };
}

function bodyOf(response: Response, method: string): Body {
  const { body, headers, status } = response;
  if (body === null || isBodiless(method, status)) {
    body?.cancel();
    return Body.of(new Uint8Array());
  }
  const length = headers.get("content-length");
  // Of a decoded body Content-Length tells nothing: a few KB of gzip can become gigabytes.
  if (length === null || headers.has("content-encoding")) return Body.from({ stream: body });
  return Body.from({ stream: body, length: Number(length), whole: () => response.bytes() });
}
