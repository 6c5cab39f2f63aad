import { type Asked, sameCall } from "./same_call.ts";
import type { Call, Client, Context, Reply, Source } from "./source.ts";

/** Calls that are under way, each asked once for all who want the same. One table per upstream. */
export class Flights {
  /** The path and the client tell most calls apart; those that share both are compared. */
  readonly #flights = new Map<string, Flight[]>();

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
      if (same) return same.join(ctx);
    }
    const flight = new Flight(scope, call, ctx, () => this.#remove(key, flight));
    if (flights) flights.push(flight);
    else this.#flights.set(key, [flight]);
    const answer = flight.join(ctx);
    flight.fly(next);
    return answer;
  }

  #remove(key: string, flight: Flight): void {
    const flights = this.#flights.get(key);
    if (flights && flights.length > 1) flights.splice(flights.indexOf(flight), 1);
    else this.#flights.delete(key);
  }
}

function keyOf({ path }: Call, { name, address }: Client): string {
  return `${name ?? address} ${path}`;
}

/** One who waits for a flight to end. */
interface Passenger {
  readonly signal: AbortSignal;
  readonly deadline: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (reason: unknown) => void;
  readonly leave: () => void;
}

/** A call under way, and those who wait for its answer. */
class Flight implements Asked {
  readonly client: Client;
  readonly #controller = new AbortController();
  readonly #passengers = new Set<Passenger>();
  readonly #onOver: () => void;
  /** A field that is written to, where a getter would say more: it costs half a microsecond. */
  readonly #ctx: Context & { deadline: number };
  /** The one that left last, before there was an answer. */
  #last: Passenger | undefined;

  /** @param onOver is told when nobody can join any more */
  constructor(
    readonly scope: string,
    readonly call: Call,
    { client, trace, background }: Context,
    onOver: () => void,
  ) {
    this.client = client;
    this.#onOver = onOver;
    const { signal } = this.#controller;
    this.#ctx = { signal, deadline: -Infinity, client, trace, background };
  }

  join({ signal, deadline }: Context): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const passenger = { signal, deadline, resolve, reject, leave: () => this.#leave(passenger) };
    this.#passengers.add(passenger);
    this.#ctx.deadline = Math.max(this.#ctx.deadline, deadline);
    signal.addEventListener("abort", passenger.leave, { once: true });
    return promise;
  }

  async fly(next: Source): Promise<void> {
    try {
      const reply = await next(this.call, this.#ctx);
      this.#end(({ resolve }) => resolve(reply));
    } catch (error) {
      this.#end(({ reject }) => reject(error));
    }
  }

  #leave(passenger: Passenger): void {
    const { signal, reject } = passenger;
    this.#passengers.delete(passenger);
    if (this.#passengers.size > 0) {
      if (passenger.deadline === this.#ctx.deadline) this.#ctx.deadline = this.#latestDeadline();
      reject(signal.reason);
    } else {
      this.#last = passenger;
      this.#onOver();
      this.#controller.abort(signal.reason);
    }
  }

  #latestDeadline(): number {
    const last = this.#ctx.deadline;
    let latest = -Infinity;
    for (const { deadline } of this.#passengers) {
      if (deadline === last) return last; // most of them have the same one
      latest = Math.max(latest, deadline);
    }
    return latest;
  }

  #end(tell: (passenger: Passenger) => void): void {
    if (this.#last) return this.#last.reject(this.#last.signal.reason);
    this.#onOver();
    for (const passenger of this.#passengers) {
      passenger.signal.removeEventListener("abort", passenger.leave);
      tell(passenger);
    }
  }
}
