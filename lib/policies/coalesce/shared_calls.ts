import { SingleFlight } from "../../async/single_flight.ts";
import { type IdentifiedCall, sameCall } from "./same_call.ts";
import type { Call, Client, Context, Reply, Source } from "../../core/source.ts";

/** Calls that are under way, each asked once for all who want the same. One table per upstream. */
export class SharedCalls {
  /** The path and the client tell most calls apart; those that share both are compared. */
  readonly #calls = new Map<string, SharedCall[]>();

  /** How many calls are under way. */
  get size(): number {
    let size = 0;
    for (const flights of this.#calls.values()) size += flights.length;
    return size;
  }

  /**
   * Waits for the answer to a call: for that of the same call where one is under way, else `next`
   * is asked. It rejects with the signal's reason when that aborts first: at once, or when nobody
   * else waits, once the call, which is then aborted, has ended.
   * @param scope tells apart those that do different things with the same call
   */
  call(scope: string, call: Call, ctx: Context, next: Source): Promise<Reply> {
    if (ctx.signal.aborted) return Promise.reject(ctx.signal.reason);
    const key = keyOf(call, ctx.client);
    const flights = this.#calls.get(key);
    if (flights) {
      const asked = { scope, call, client: ctx.client };
      const same = flights.find((flight) => sameCall(flight, asked));
      if (same) return same.flight.join(ctx);
    }
    const flight = new SingleFlight<Reply>(ctx, () => this.#remove(key, flight));
    const added = { scope, call, client: ctx.client, flight };
    if (flights) flights.push(added);
    else this.#calls.set(key, [added]);
    const answer = flight.join(ctx);
    flight.run((inner) => next(call, inner));
    return answer;
  }

  #remove(key: string, over: SingleFlight<Reply>): void {
    const others = this.#calls.get(key)?.filter(({ flight }) => flight !== over) ?? [];
    if (others.length > 0) this.#calls.set(key, others);
    else this.#calls.delete(key);
  }
}

function keyOf({ path }: Call, { name, address }: Client): string {
  return `${name ?? address} ${path}`;
}

/** A call under way. */
interface SharedCall extends IdentifiedCall {
  readonly flight: SingleFlight<Reply>;
}
