import { GatewayError } from "./errors.ts";

/** Retry-After of a rejected request (s). */
const RETRY_AFTER_S = 1;
/** Memory of a body besides its bytes: its headers and objects. */
const OVERHEAD_BYTES = 1_024;

/**
 * The cause of an `overloaded` that fails the whole request, not only the part that exceeded the
 * budget.
 */
export class NoRoom extends Error {
  /** The name in a stack trace. */
  override readonly name = "NoRoom";
}

/** Something whose bytes count while at least one request holds it. */
export interface Holdable {
  /**
   * Counts its bytes, and those added later, in the budget of the first request that holds it.
   * @throws {GatewayError} `overloaded`; it is then not held
   */
  hold(budget: BufferBudget): void;
  /** Ends one `hold`; the last one releases its bytes. */
  release(): void;
}

/**
 * The memory budget for all buffered bodies of a process: request bodies, responses of parts, and
 * assembled responses that wait to be sent. A request that would exceed it is rejected, so that one
 * request fails instead of the whole process.
 *
 * It counts bodies and chunks, not objects: the process uses more memory than the budget.
 */
export class BufferBudget {
  #used = 0;

  /** Creates an unused budget. */
  constructor(
    /** Maximum for all bodies together (bytes). */
    readonly maxBytes: number,
  ) {}

  /** The bytes in use. */
  get used(): number {
    return this.#used;
  }

  /**
   * Takes bytes from the budget.
   * @throws {GatewayError} `overloaded` if too little is left; nothing is taken then
   */
  take(bytes: number): void {
    if (this.#used + bytes <= this.maxBytes) this.#used += bytes;
    else throw full();
  }

  /** Releases bytes. */
  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** One request's account with the budget: released as a whole when the request ends. */
export class BufferAccount {
  readonly #budget: BufferBudget;
  #bytes = 0;
  #held: Holdable[] = [];
  #isClosed = false;

  /** Creates an empty account. */
  constructor(budget: BufferBudget) {
    this.#budget = budget;
  }

  /**
   * Takes bytes until the request ends.
   * @throws {GatewayError} `overloaded`
   */
  take(bytes: number): void {
    if (this.#isClosed) return;
    this.#budget.take(bytes);
    this.#bytes += bytes;
  }

  /** Takes bytes if enough are left, for optional uses; returns whether it did. */
  tryTake(bytes: number): boolean {
    if (this.#budget.used + bytes > this.#budget.maxBytes) return false;
    this.take(bytes);
    return true;
  }

  /**
   * Holds a body until the request ends.
   * @throws {GatewayError} `overloaded`
   */
  hold(body: Holdable): void {
    if (this.#isClosed) return;
    this.take(OVERHEAD_BYTES);
    body.hold(this.#budget);
    this.#held.push(body);
  }

  /** Creates a separate account, for memory that is needed for less time than the request. */
  open(): BufferAccount {
    return new BufferAccount(this.#budget);
  }

  /** Releases everything it has so far. */
  clear(): void {
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
    const held = this.#held;
    this.#held = [];
    for (const body of held) body.release();
  }

  /**
   * Releases everything, and holds this body instead, which was assembled from the rest.
   * @throws {GatewayError} `overloaded`
   */
  holdOnly(body: Holdable): void {
    this.clear();
    this.hold(body);
  }

  /** Releases everything; later calls take nothing. */
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
