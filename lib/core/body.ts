import { type Bytes, joinBytes } from "./bytes.ts";
import type { BufferBudget, Holdable } from "./buffer_budget.ts";
import { GatewayError } from "./errors.ts";

/** Where a body's bytes come from while it is being written. */
export interface BodyOrigin {
  /** Read only when the body is read. */
  readonly stream: ReadableStream<Bytes>;
  /** The length in bytes, if it is certain. */
  readonly length?: number;
  /** Reads everything in one step, which is cheaper; only if `length` is certain. */
  readonly whole?: () => Promise<Bytes>;
}

/** Thrown when a body exceeds its reader's limit. */
export class BodyTooLarge extends Error {
  /** The name in a stack trace. */
  override readonly name = "BodyTooLarge";

  /** Creates the error; its message names the limit. */
  constructor(
    /** The limit (bytes). */
    readonly limit: number,
  ) {
    super(`the body is larger than ${limit} bytes`);
  }
}

/** Default number of bytes that a body buffers for later readers. */
const KEEP_BYTES = 4 * 1024 * 1024;

/** Bodies up to this size are joined into one chunk, which is cheaper to send (bytes). */
const JOIN_BYTES = 1024 * 1024;
/**
 * From this size on, the parsed value is only weakly referenced, because it is several times
 * larger.
 */
const LARGE_BYTES = 64 * 1024;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** A reader's position: the index, over all chunks ever written, of the next chunk it reads. */
interface Place {
  next: number;
}

/**
 * Bytes that are written once and read many times, even while they are still being written.
 *
 * Reading pulls: the origin is read only on demand, so backpressure is preserved. Up to `keep`
 * bytes, everything is buffered and a reader can start at any time; beyond, chunks are passed on
 * and dropped: current readers advance in step, and new ones are rejected.
 */
export class Body implements AsyncIterable<Bytes>, Holdable {
  #origin: BodyOrigin | undefined;
  #source: ReadableStreamDefaultReader<Bytes> | undefined;
  #chunks: Bytes[];
  #dropped = 0;
  #size: number;
  #done: boolean;
  #failure: { readonly error: unknown } | undefined;
  #json: { readonly value: unknown } | undefined;
  /** Used instead of `#json` for a large body, whose value may be collected and parsed again. */
  #largeJson: WeakRef<WeakKey> | undefined;
  #keep: number;
  readonly #readers = new Set<Place>();
  /** Resolves at the next change: a chunk, the end, a failure, a reader that advanced. */
  #change = Promise.withResolvers<void>();
  #pulling = false;
  /** The budget that counts it, while it is held. */
  #budget: BufferBudget | undefined;
  #holders = 0;
  #counted = 0;

  private constructor(origin: BodyOrigin | undefined, chunks: Bytes[], keep: number) {
    this.#origin = origin;
    this.#chunks = chunks;
    this.#size = lengthOf(chunks);
    this.#done = origin === undefined;
    this.#keep = keep;
  }

  /** Creates a body from complete bytes. */
  static of(bytes: Bytes): Body {
    return new Body(undefined, bytes.length > 0 ? [bytes] : [], Infinity);
  }

  /** Creates a body from complete chunks, which are joined unless they are large. */
  static ofChunks(chunks: readonly Bytes[]): Body {
    const isLarge = lengthOf(chunks) > JOIN_BYTES;
    return isLarge ? new Body(undefined, [...chunks], Infinity) : Body.of(joinBytes(chunks));
  }

  /**
   * Creates a body that is read from an origin on demand.
   * @param keep how many bytes to buffer for later readers (default 4 MiB)
   */
  static from(origin: BodyOrigin, keep: number = KEEP_BYTES): Body {
    return new Body(origin, [], keep);
  }

  /** Whether all bytes have arrived. */
  get isWhole(): boolean {
    return this.#done;
  }

  /** The chunks that have arrived so far. */
  get chunks(): readonly Bytes[] {
    return this.#chunks;
  }

  /** The length in bytes, if known. */
  get length(): number | undefined {
    return this.#done ? this.#size : this.#origin?.length;
  }

  /**
   * Reads all bytes as one array; later calls return the buffered bytes.
   * @throws {BodyTooLarge} beyond `limit` bytes; the rest is then not read
   */
  async bytes(limit: number): Promise<Bytes> {
    if ((this.length ?? 0) > limit) await this.#refuse(limit);
    if (this.#done && this.#dropped === 0 && this.#chunks.length <= 1) {
      return joinBytes(this.#chunks);
    }
    this.#keep = Math.max(this.#keep, limit);
    const isUntouched = !this.#source && !this.#pulling && !this.#failure;
    if (this.#origin?.whole && isUntouched) this.#pull(this.#origin.whole);
    for await (const _ of this) if (this.#size > limit) await this.#refuse(limit);
    if (this.#chunks.length > 1 && this.#readers.size === 0) {
      this.#chunks = [joinBytes(this.#chunks)];
    }
    return joinBytes(this.#chunks);
  }

  /**
   * Reads and parses the body as JSON; undefined if it is empty.
   * @throws {BodyTooLarge} beyond `limit` bytes
   * @throws {SyntaxError} if it is not JSON
   * @throws {TypeError} if it is not UTF-8
   */
  async json(limit: number): Promise<unknown> {
    if (this.#json) return this.#json.value;
    const large = this.#largeJson?.deref();
    if (large !== undefined) return large;
    const bytes = await this.bytes(limit);
    const value: unknown = bytes.length === 0 ? undefined : JSON.parse(UTF8.decode(bytes));
    if (bytes.length <= LARGE_BYTES) this.#json = { value };
    else if (typeof value === "object" && value !== null) this.#largeJson = new WeakRef(value);
    return value;
  }

  /** Reads from the first byte, at this reader's own pace. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes, void, void> {
    if (this.#dropped > 0) throw new Error("this body was too large to buffer");
    const place: Place = { next: 0 };
    this.#readers.add(place);
    try {
      while (true) {
        const chunk = this.#chunks[place.next - this.#dropped];
        if (chunk !== undefined) {
          place.next++;
          this.#forget();
          yield chunk;
        } else if (this.#failure) {
          throw this.#failure.error;
        } else if (this.#done) {
          return;
        } else {
          await this.#progress();
        }
      }
    } finally {
      this.#readers.delete(place);
      if (this.#dropped > 0) this.#forget();
      this.#changed();
    }
  }

  /**
   * Returns what a Response or a fetch accepts: all bytes, or the origin's own stream, which is
   * then read without passing through this Body. A stream can be handed on once; the body cannot
   * be read after that.
   */
  handOn(): Bytes | ReadableStream<Bytes> {
    if (this.#failure) throw this.#failure.error;
    if (this.#dropped > 0) throw new Error("this body was too large to buffer");
    if (this.#done) return joinBytes(this.#chunks);
    const isBegun = this.#source !== undefined || this.#pulling;
    if (this.#origin === undefined || isBegun) throw new Error("this body is being read");
    const { stream } = this.#origin;
    this.#fail(new Error("this body was handed on"));
    return stream;
  }

  /** Counts its bytes in a budget until every holder has released it. */
  hold(budget: BufferBudget): void {
    if (this.#holders === 0) {
      const bytes = lengthOf(this.#chunks);
      budget.take(bytes);
      this.#budget = budget;
      this.#counted = bytes;
    }
    this.#holders++;
  }

  /** Ends one `hold`. */
  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    this.#count(-this.#counted);
    this.#budget = undefined;
  }

  /** Cancels the origin; current readers fail. Does nothing to a complete body. */
  async cancel(): Promise<void> {
    if (this.#done || this.#failure) return;
    const origin = this.#source ?? this.#origin?.stream;
    this.#fail(new Error("this body was cancelled"));
    await origin?.cancel().catch(() => {});
  }

  async #refuse(limit: number): Promise<never> {
    await this.cancel();
    throw new BodyTooLarge(limit);
  }

  /**
   * Waits for a change, and pulls the next chunk unless, beyond `keep`, another reader is behind.
   */
  async #progress(): Promise<void> {
    const change = this.#change.promise;
    const inStep = this.#size <= this.#keep || this.#chunks.length === 0;
    if (inStep && !this.#pulling) this.#pull();
    await change;
  }

  async #pull(whole?: () => Promise<Bytes>): Promise<void> {
    this.#pulling = true;
    try {
      // A body that is read in one step is counted before it arrives.
      const expected = whole ? this.#origin?.length ?? 0 : 0;
      this.#count(expected);
      const chunk = await (whole ? whole() : this.#read());
      if (chunk !== undefined) {
        this.#count(chunk.length - expected);
        this.#chunks.push(chunk);
        this.#size += chunk.length;
      }
      if (this.#failure === undefined && (chunk === undefined || whole)) {
        this.#done = true;
        this.#origin = undefined;
      }
    } catch (error) {
      if (this.#failure === undefined) {
        // The budget has no room for it: stop reading.
        if (error instanceof GatewayError) this.cancel();
        this.#failure = { error };
      }
    }
    this.#pulling = false;
    this.#changed();
  }

  async #read(): Promise<Bytes | undefined> {
    this.#source ??= this.#origin?.stream.getReader();
    return (await this.#source?.read())?.value;
  }

  /** Beyond `keep`, drops the chunks that every reader has read. */
  #forget(): void {
    if (this.#size <= this.#keep) return;
    let slowest = this.#dropped + this.#chunks.length;
    for (const { next } of this.#readers) slowest = Math.min(slowest, next);
    this.#count(-lengthOf(this.#chunks.splice(0, slowest - this.#dropped)));
    this.#dropped = slowest;
    this.#changed();
  }

  /** @throws {GatewayError} `overloaded` */
  #count(bytes: number): void {
    if (this.#budget === undefined) return;
    if (bytes > 0) this.#budget.take(bytes);
    else this.#budget.give(-bytes);
    this.#counted += bytes;
  }

  #fail(error: Error): void {
    this.#failure = { error };
    this.#origin = undefined;
    this.#changed();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}

function lengthOf(chunks: readonly Bytes[]): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}
