import { abortable } from "@std/async";
import { platformSignal } from "../../lib/core/scope.ts";
import type { Call, Context, Reply } from "../../lib/core/source.ts";
import { upstreamFailure, UpstreamFault } from "../../lib/core/upstream_fault.ts";
import { fromResponse } from "../../lib/transport/from_response.ts";
import type { HttpTransport } from "../../lib/transport/http.ts";

/** Responds to the calls of an upstream. An error that it throws is a failed connection. */
export type TestUpstream = (request: Request) => Response | Promise<Response>;

/** The calls to the upstreams of a gateway under test, and what responds to them. */
export class Calls {
  /** By upstream, in order. */
  readonly received: Record<string, Request[]> = {};
  readonly #handlers: Readonly<Record<string, TestUpstream | undefined>>;
  /** Upstreams that were called and have no handler. */
  readonly #missing = new Set<string>();

  constructor(handlers: Readonly<Record<string, TestUpstream | undefined>>) {
    this.#handlers = handlers;
    for (const name of Object.keys(handlers)) this.received[name] = [];
  }

  /** Calls the handlers instead of a network. */
  get transport(): HttpTransport {
    return {
      source:
        (base, _kind, _address, { name = base } = { tls: undefined, host: undefined }) =>
        (call, ctx) => this.#call(name, base, call, ctx),
      connections: () => ({ active: 0, idle: 0 }),
      [Symbol.dispose]() {},
    };
  }

  /** @throws {Error} if an upstream was called that has no handler */
  check(): void {
    for (const name of this.#missing) {
      this.#missing.delete(name);
      throw new Error(
        `the upstream ${name} was called: give it a handler, upstreams: { ${name}: … }`,
      );
    }
  }

  async #call(name: string, base: string, call: Call, { signal }: Context): Promise<Reply> {
    signal.throwIfAborted();
    const request = new Request(base + call.path, {
      method: call.method,
      headers: call.headers,
      body: call.body?.handOn() ?? null,
      signal: platformSignal(signal),
    });
    const handler = this.#handlers[name];
    if (handler === undefined) {
      this.#missing.add(name);
      throw upstreamFailure(new UpstreamFault("other", "it has no handler"));
    }
    (this.received[name] ??= []).push(request.clone());
    const response = await abortable(respond(handler, request), signal);
    return fromResponse(response, new Headers(response.headers), call.method);
  }
}

async function respond(handler: TestUpstream, request: Request): Promise<Response> {
  try {
    return await handler(request);
  } catch (error) {
    request.signal.throwIfAborted();
    throw upstreamFailure(new UpstreamFault("refused", String(error)));
  }
}
