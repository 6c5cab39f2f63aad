import { GatewayError } from "../lib/core/errors.ts";
import { type Dependent, Scope } from "../lib/core/scope.ts";

/**
 * Aborts when the client disconnects. The request's own signal is read once something depends on the
 * scope, or {@linkcode watch} is called: reading it makes Deno watch the connection, which a request
 * that waits for nothing, such as a cache hit, does not need. Until then `aborted` is false.
 */
export class ClientScope extends Scope {
  #request: Pick<Request, "signal"> | undefined;

  constructor(request: Pick<Request, "signal">) {
    super();
    this.#request = request;
  }

  /** Starts to watch the connection, before a wait that does not follow the scope. */
  watch(): void {
    const signal = this.#request?.signal;
    this.#request = undefined;
    if (signal === undefined) return;
    // Not at once: a dependent is told after it has begun, as by any other abort.
    if (signal.aborted) queueMicrotask(() => this.followedAborted());
    else this.follow(signal);
  }

  override add(dependent: Dependent): void {
    super.add(dependent);
    this.watch();
  }

  override followedAborted(): void {
    this.cancel(new GatewayError("cancelled", "the client went away"));
  }

  override [Symbol.dispose](): void {
    this.#request = undefined;
    super[Symbol.dispose]();
  }
}
