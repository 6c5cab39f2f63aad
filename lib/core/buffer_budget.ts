import { GatewayError } from "./errors.ts";

/** How long a client should wait before it asks again (s). */
const RETRY_AFTER_S = 1;
/** What a body takes besides its bytes: its headers, and the objects around it. */
const OVERHEAD_BYTES = 1_024;

/** The cause of an `overloaded` that is the whole request's, whichever part of it had no room. */
export class NoRoom extends Error {
  /** What it is called in a stack trace. */
  override readonly name = "NoRoom";
}

/** Something whose bytes count as long as at least one request holds it. */
export interface Holdable {
  /**
   * Counts it in the budget from now on, and what is added to it; the first who holds it decides.
   * @throws {GatewayError} `overloaded`; it is then not held
   */
  hold(budget: BufferBudget): void;
  /** Ends one `hold`; the last one gives back what it counted for. */
  release(): void;
}

/**
 * The memory that all buffered bodies of a process may take together: request bodies, the responses
 * of parts, and assembled responses that wait to be sent. What would exceed it is refused, so that
 * one request too many fails alone, instead of the process with all of them.
 *
 * It is counted by the body and the chunk, not by the object: the process takes more than that.
 */
export class BufferBudget {
  #used = 0;

  /** A budget of which nothing is taken. */
  constructor(
    /** What all bodies may take together (bytes). */
    readonly maxBytes: number,
  ) {}

  /** What is taken now (bytes). */
  get used(): number {
    return this.#used;
  }

  /**
   * Takes so many bytes.
   * @throws {GatewayError} `overloaded` when there is not so much left; nothing is taken then
   */
  take(bytes: number): void {
    if (this.#used + bytes <= this.maxBytes) this.#used += bytes;
    else throw full();
  }

  /** Gives back what was taken. */
  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** What one request has of the budget: all of it is given back at once when the request is over. */
export class BufferAccount {
  readonly #budget: BufferBudget;
  #bytes = 0;
  #held: Holdable[] = [];
  #isClosed = false;

  /** An account that has nothing yet. */
  constructor(budget: BufferBudget) {
    this.#budget = budget;
  }

  /**
   * Takes so many bytes until the request is over.
   * @throws {GatewayError} `overloaded`
   */
  take(bytes: number): void {
    if (this.#isClosed) return;
    this.#budget.take(bytes);
    this.#bytes += bytes;
  }

  /** Takes it if it is there, for what can be done without. */
  tryTake(bytes: number): boolean {
    if (this.#budget.used + bytes > this.#budget.maxBytes) return false;
    this.take(bytes);
    return true;
  }

  /**
   * Holds a body until the request is over.
   * @throws {GatewayError} `overloaded`
   */
  hold(body: Holdable): void {
    if (this.#isClosed) return;
    this.take(OVERHEAD_BYTES);
    body.hold(this.#budget);
    this.#held.push(body);
  }

  /** An account of its own, for what is needed for a shorter time than the request. */
  open(): BufferAccount {
    return new BufferAccount(this.#budget);
  }

  /** Gives back all that it has so far. */
  clear(): void {
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
    const held = this.#held;
    this.#held = [];
    for (const body of held) body.release();
  }

  /**
   * Gives everything back, and holds this instead: what was made of all the rest.
   * @throws {GatewayError} `overloaded`
   */
  holdOnly(body: Holdable): void {
    this.clear();
    this.hold(body);
  }

  /** Gives everything back; what is asked of it later takes nothing. */
  close(): void {
    this.clear();
    this.#isClosed = true;
  }
}

function full(): GatewayError {
  const detail = "the responses and requests under way take all the memory that they may take";
  return new GatewayError("overloaded", detail, {
    headers: { "retry-after": String(RETRY_AFTER_S) },
    cause: new NoRoom(),
  });
}
