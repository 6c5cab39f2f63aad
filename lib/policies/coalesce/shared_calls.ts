import { Flight } from "../../async/single_flight.ts";
import { type Asked, sameCall } from "./same_call.ts";
import type { Call, Client, Context, Reply, Source } from "../../core/source.ts";

/** Calls that are under way, each asked once for all who want the same. One table per upstream. */
export class Flights {
  /** The path and the client tell most calls apart; those that share both are compared. */
  readonly #flights = new Map<string, CallFlight[]>();

  /** How many calls are under way. */
  get size(): number {
    let size = 0;
    for (const flights of this.#flights.values()) size += flights.length;
    return size;
  }

  /**
   * Waits for the answer to a call: for that of the same call where one is under way, else `next`
   * is asked. It rejects with the signal's reason when that aborts first: at once, or when nobody
   * else waits, once the call, which is then aborted, has ended.
   * @param scope tells apart those that do different things with the same call
   */
  ask(scope: string, call: Call, ctx: Context, next: Source): Promise<Reply> {
    if (ctx.signal.aborted) return Promise.reject(ctx.signal.reason);
    const key = keyOf(call, ctx.client);
    const flights = this.#flights.get(key);
    if (flights) {
      const asked = { scope, call, client: ctx.client };
      const same = flights.find((flight) => sameCall(flight, asked));
      if (same) return same.flight.join(ctx);
    }
    const flight = new Flight<Reply>(ctx, () => this.#remove(key, flight));
    const added = { scope, call, client: ctx.client, flight };
    if (flights) flights.push(added);
    else this.#flights.set(key, [added]);
    const answer = flight.join(ctx);
    flight.fly((inner) => next(call, inner));
    return answer;
  }

  #remove(key: string, over: Flight<Reply>): void {
    const others = this.#flights.get(key)?.filter(({ flight }) => flight !== over) ?? [];
    if (others.length > 0) this.#flights.set(key, others);
    else this.#flights.delete(key);
  }
}

function keyOf({ path }: Call, { name, address }: Client): string {
  return `${name ?? address} ${path}`;
}

/** A call under way. */
interface CallFlight extends Asked {
  readonly flight: Flight<Reply>;
}
