import { SingleFlight } from "../../async/single_flight.ts";
import type { WaitRecorder } from "../../observe/wait_recorder.ts";
import { type IdentifiedCall, sameCall } from "./same_call.ts";
import type { Call, Client, Context, Reply, Source } from "../../core/source.ts";

/** The running calls of one upstream, which identical callers join. */
export class SharedCalls {
  /** By client and path, which distinguish most calls; those that share both are compared. */
  readonly #calls = new Map<string, SharedCall>();

  /** How many calls are running. */
  get size(): number {
    let size = 0;
    for (const first of this.#calls.values()) {
      for (let call: SharedCall | undefined = first; call; call = call.other) size++;
    }
    return size;
  }

  /**
   * Joins the identical call that is running, or else calls `next`. It rejects with the signal's
   * reason when that aborts first: at once while others wait; otherwise after the call, which is then
   * aborted, has ended.
   * @param scope distinguishes callers whose inner policies treat the same call differently
   * @param waits records the wait for a call that was running
   */
  call(
    scope: string,
    call: Call,
    ctx: Context,
    next: Source,
    waits?: WaitRecorder,
  ): Promise<Reply> {
    if (ctx.signal.aborted) return Promise.reject(ctx.signal.reason);
    const key = keyOf(call, ctx.client);
    const running = this.#calls.get(key);
    if (running) {
      const incoming = { scope, call, client: ctx.client };
      for (let other: SharedCall | undefined = running; other; other = other.other) {
        if (!sameCall(other, incoming)) continue;
        const reply = other.join(ctx);
        return waits?.time(reply, ctx) ?? reply;
      }
    }
    const shared = new SharedCall(this, key, scope, call, next, ctx, running);
    this.#calls.set(key, shared);
    const reply = shared.join(ctx);
    shared.run();
    return reply;
  }

  /** @internal Removes a call that no one can join any more. */
  remove(key: string, ended: SharedCall): void {
    const first = this.#calls.get(key);
    if (first === ended) {
      if (ended.other) this.#calls.set(key, ended.other);
      else this.#calls.delete(key);
      return;
    }
    for (let call = first; call; call = call.other) {
      if (call.other === ended) call.other = ended.other;
    }
  }
}

function keyOf({ path }: Call, { name, address }: Client): string {
  return `${name ?? address} ${path}`;
}

/** A running call. */
class SharedCall extends SingleFlight<Reply> implements IdentifiedCall {
  constructor(
    readonly calls: SharedCalls,
    readonly key: string,
    readonly scope: string,
    readonly call: Call,
    readonly next: Source,
    ctx: Context,
    /** The next running call with the same key. */
    public other: SharedCall | undefined,
  ) {
    super(ctx);
  }

  protected work(ctx: Context): Promise<Reply> {
    return this.next(this.call, ctx);
  }

  protected over(): void {
    this.calls.remove(this.key, this);
  }
}
