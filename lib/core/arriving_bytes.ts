import { type Bytes, joinBytes, lengthOf } from "./bytes.ts";
import { GatewayError } from "./errors.ts";
import type { HeldBytes } from "./held_bytes.ts";

/** Where a body's bytes come from while it is being written. */
export interface BodyOrigin {
  /** Read only when the body is read. */
  readonly stream: ReadableStream<Bytes>;
  /** The length in bytes, if it is certain. */
  readonly length?: number | undefined;
  /**
   * Reads everything in one step, which is cheaper. Without a certain length, it calls `count` for
   * all bytes that arrive, and stops beyond the limit.
   * @throws {BodyTooLarge}
   */
  whole?(limit: number, count: (bytes: number) => void): Promise<Bytes>;
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

/** A reader's position: the index, over all chunks ever written, of the next chunk it reads. */
interface Place {
  next: number;
}

/**
 * Bytes that are written once and read many times while they are being written.
 *
 * Reading pulls: the origin is read only on demand, so backpressure is preserved. Up to `keep`
 * bytes, everything is buffered and a reader can start at any time; beyond, chunks are passed on
 * and dropped: current readers advance in step, and new ones are rejected.
 */
export class ArrivingBytes implements AsyncIterable<Bytes> {
  /** Whether all have arrived. */
  isDone: boolean;
  readonly #held: HeldBytes;
  #origin: BodyOrigin | undefined;
  #source: ReadableStreamDefaultReader<Bytes> | undefined;
  #chunks: Bytes[];
  #dropped = 0;
  #size: number;
  #failure: { readonly error: unknown } | undefined;
  #keep: number;
  readonly #readers = new Set<Place>();
  /** Resolves at the next change: a chunk, the end, a failure, a reader that advanced. */
  #change: PromiseWithResolvers<void> | undefined;
  #pulling = false;

  /** @param origin undefined if the chunks are all there is */
  constructor(origin: BodyOrigin | undefined, chunks: Bytes[], keep: number, held: HeldBytes) {
    this.#origin = origin;
    this.#chunks = chunks;
    this.#size = lengthOf(chunks);
    this.isDone = origin === undefined;
    this.#keep = keep;
    this.#held = held;
  }

  /** The chunks that have arrived and are buffered. */
  get chunks(): readonly Bytes[] {
    return this.#chunks;
  }

  /** The length of the whole, if known. */
  get length(): number | undefined {
    return this.isDone ? this.#size : this.#origin?.length;
  }

  /** All bytes as one array; undefined unless they have arrived and are buffered. */
  get joined(): Bytes | undefined {
    if (!this.isDone || this.#dropped > 0) return undefined;
    const joined = joinBytes(this.#chunks);
    if (this.#chunks.length > 1 && this.#readers.size === 0) this.#chunks = [joined];
    return joined;
  }

  /** Reads all bytes, as {@linkcode Body.bytes} does. */
  async bytes(limit: number): Promise<Bytes> {
    if ((this.length ?? 0) > limit) await this.#refuse(limit);
    this.#keep = Math.max(this.#keep, limit);
    const isUntouched = !this.#source && !this.#pulling && !this.#failure;
    if (this.#origin?.whole && isUntouched) this.#pullWhole(this.#origin, limit);
    for await (const _ of this) if (this.#size > limit) await this.#refuse(limit);
    return this.joined ?? joinBytes(this.#chunks);
  }

  /** Reads from the first byte, at this reader's own pace. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes, void, void> {
    if (this.#dropped > 0) throw tooLargeToBuffer();
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
        } else if (this.isDone) {
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

  /** Hands on all bytes or the origin's stream, as {@linkcode Body.handOn} does. */
  handOn(): Bytes | ReadableStream<Bytes> {
    if (this.#failure) throw this.#failure.error;
    if (this.#dropped > 0) throw tooLargeToBuffer();
    if (this.isDone) return joinBytes(this.#chunks);
    const isBegun = this.#source !== undefined || this.#pulling;
    if (this.#origin === undefined || isBegun) throw new Error("this body is being read");
    const { stream } = this.#origin;
    this.#fail(new Error("this body was handed on"));
    return stream;
  }

  /** Cancels the origin; current readers fail. */
  async cancel(): Promise<void> {
    if (this.isDone || this.#failure) return;
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
  #progress(): Promise<void> {
    const change = this.#nextChange();
    const inStep = this.#size <= this.#keep || this.#chunks.length === 0;
    if (inStep && !this.#pulling) this.#pull();
    return change;
  }

  async #pull(): Promise<void> {
    this.#pulling = true;
    try {
      this.#source ??= this.#origin?.stream.getReader();
      const chunk = (await this.#source?.read())?.value;
      if (chunk) {
        this.#held.count(chunk.length);
        this.#chunks.push(chunk);
        this.#size += chunk.length;
      } else {
        this.#finish();
      }
    } catch (error) {
      this.#break(error);
    }
    this.#pulling = false;
    this.#changed();
  }

  async #pullWhole(origin: BodyOrigin, limit: number): Promise<void> {
    this.#pulling = true;
    try {
      // A known length is counted before the bytes arrive.
      this.#held.count(origin.length ?? 0);
      const bytes = await origin.whole?.(limit, (count) => this.#held.count(count)) ??
        new Uint8Array();
      this.#chunks.push(bytes);
      this.#size += bytes.length;
      this.#finish();
    } catch (error) {
      this.#break(error);
    }
    this.#pulling = false;
    this.#changed();
  }

  /** Beyond `keep`, drops the chunks that every reader has read. */
  #forget(): void {
    if (this.#size <= this.#keep) return;
    let slowest = this.#dropped + this.#chunks.length;
    for (const { next } of this.#readers) slowest = Math.min(slowest, next);
    this.#held.count(-lengthOf(this.#chunks.splice(0, slowest - this.#dropped)));
    this.#dropped = slowest;
    this.#changed();
  }

  #finish(): void {
    if (this.#failure !== undefined) return;
    this.isDone = true;
    this.#origin = undefined;
  }

  #break(error: unknown): void {
    if (this.#failure !== undefined) return;
    // The budget has no room for it: stop reading.
    if (error instanceof GatewayError) this.cancel();
    this.#failure = { error };
  }

  #fail(error: Error): void {
    this.#failure = { error };
    this.#origin = undefined;
    this.#changed();
  }

  #nextChange(): Promise<void> {
    this.#change ??= Promise.withResolvers();
    return this.#change.promise;
  }

  #changed(): void {
    this.#change?.resolve();
    this.#change = undefined;
  }
}

function tooLargeToBuffer(): Error {
  return new Error("this body was too large to buffer");
}
