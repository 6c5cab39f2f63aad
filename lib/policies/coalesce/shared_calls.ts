import { SingleFlight } from "../../async/single_flight.ts";
import { type IdentifiedCall, sameCall } from "./same_call.ts";
import type { Call, Client, Context, Reply, Source } from "../../core/source.ts";

/** The running calls of one upstream, which identical callers join. */
export class SharedCalls {
  /** By client and path, which distinguish most calls; those that share both are compared. */
  readonly #calls = new Map<string, SharedCall[]>();

  /** How many calls are running. */
  get size(): number {
    let size = 0;
    for (const calls of this.#calls.values()) size += calls.length;
    return size;
  }

  /**
   * Joins the identical call that is running, or else calls `next`. It rejects with the signal's
   * reason when that aborts first: at once while others wait; otherwise after the call, which is then
   * aborted, has ended.
   * @param scope distinguishes callers whose inner policies treat the same call differently
   */
  call(scope: string, call: Call, ctx: Context, next: Source): Promise<Reply> {
    if (ctx.signal.aborted) return Promise.reject(ctx.signal.reason);
    const key = keyOf(call, ctx.client);
    const running = this.#calls.get(key);
    if (running) {
      const incoming = { scope, call, client: ctx.client };
      const same = running.find((candidate) => sameCall(candidate, incoming));
      if (same) return same.shared.join(ctx);
    }
    const shared = new SingleFlight<Reply>(ctx, () => this.#remove(key, shared));
    const added = { scope, call, client: ctx.client, shared };
    if (running) running.push(added);
    else this.#calls.set(key, [added]);
    const reply = shared.join(ctx);
    shared.run((inner) => next(call, inner));
    return reply;
  }

  #remove(key: string, ended: SingleFlight<Reply>): void {
    const others = this.#calls.get(key)?.filter(({ shared }) => shared !== ended) ?? [];
    if (others.length > 0) this.#calls.set(key, others);
    else this.#calls.delete(key);
  }
}

function keyOf({ path }: Call, { name, address }: Client): string {
  return `${name ?? address} ${path}`;
}

/** A running call. */
interface SharedCall extends IdentifiedCall {
  readonly shared: SingleFlight<Reply>;
}
