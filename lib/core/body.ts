import { ArrivingBytes, type BodyOrigin, BodyTooLarge } from "./arriving_bytes.ts";
import type { BufferBudget, Holdable } from "./buffer_budget.ts";
import { type Bytes, joinBytes, lengthOf } from "./bytes.ts";
import { isPlainJson } from "./is_plain_json.ts";
import { HeldBytes } from "./held_bytes.ts";

export { type BodyOrigin, BodyTooLarge } from "./arriving_bytes.ts";

/** Default number of bytes that a body buffers for later readers. */
const KEEP_BYTES = 4 * 1024 * 1024;

/** Bodies up to this size are joined into one chunk, which is cheaper to send (bytes). */
const JOIN_BYTES = 1024 * 1024;
/**
 * From this size on, the parsed value is only weakly referenced, because it is several times
 * larger.
 */
const LARGE_BYTES = 64 * 1024;

const UTF8 = new TextDecoder();
/** Throws for what is not UTF-8; takes twice as long. */
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Bytes that are written once and read many times, even while they are still being written.
 *
 * Most bodies are whole from the start, and cost one small object. {@linkcode ArrivingBytes} are
 * for the others: reading pulls, so backpressure is preserved.
 */
export class Body implements AsyncIterable<Bytes>, Holdable {
  /** All bytes, once they have arrived and were joined. */
  #whole: Bytes | undefined;
  /** Undefined if the body was whole from the start. */
  #arriving: ArrivingBytes | undefined;
  /** Whether it was parsed as JSON, successfully. */
  #isJson = false;
  #json: { readonly value: unknown } | undefined;
  /** Used instead of `#json` for a large body, whose value may be collected and parsed again. */
  #largeJson: WeakRef<WeakKey> | undefined;
  #held: HeldBytes | undefined;

  private constructor(whole: Bytes | undefined, arriving?: ArrivingBytes, held?: HeldBytes) {
    this.#whole = whole;
    this.#arriving = arriving;
    this.#held = held;
  }

  /** Creates a body from complete bytes. */
  static of(bytes: Bytes): Body {
    return new Body(bytes);
  }

  /** Creates a body from complete chunks, which are joined unless they are large. */
  static ofChunks(chunks: readonly Bytes[]): Body {
    if (lengthOf(chunks) <= JOIN_BYTES) return new Body(joinBytes(chunks));
    const held = new HeldBytes();
    return new Body(undefined, new ArrivingBytes(undefined, [...chunks], Infinity, held), held);
  }

  /**
   * Creates a body that is read from an origin on demand.
   * @param keep how many bytes to buffer for later readers (default 4 MiB)
   */
  static from(origin: BodyOrigin, keep: number = KEEP_BYTES): Body {
    const held = new HeldBytes();
    return new Body(undefined, new ArrivingBytes(origin, [], keep, held), held);
  }

  /** Whether all bytes have arrived. */
  get isWhole(): boolean {
    return this.#arriving?.isDone ?? true;
  }

  /** All bytes as one array; undefined until they have arrived, or if they were not buffered. */
  get wholeBytes(): Bytes | undefined {
    return this.#whole ??= this.#arriving?.joined;
  }

  /** The chunks that have arrived so far. */
  get chunks(): readonly Bytes[] {
    if (this.#arriving) return this.#arriving.chunks;
    return this.#whole && this.#whole.length > 0 ? [this.#whole] : [];
  }

  /** The length in bytes, if known. */
  get length(): number | undefined {
    return this.#arriving ? this.#arriving.length : this.#whole?.length;
  }

  /**
   * Reads all bytes as one array; later calls return the buffered bytes.
   * @throws {BodyTooLarge} beyond `limit` bytes; the rest is then not read
   */
  async bytes(limit: number): Promise<Bytes> {
    const whole = this.wholeBytes ?? await this.#arriving?.bytes(limit) ?? new Uint8Array();
    if (whole.length > limit) throw new BodyTooLarge(limit);
    return whole;
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
    const whole = this.wholeBytes;
    const bytes = whole && whole.length <= limit ? whole : await this.bytes(limit);
    const value = parseJson(bytes);
    this.#isJson = true;
    if (bytes.length <= LARGE_BYTES) this.#json = { value };
    else if (typeof value === "object" && value !== null) this.#largeJson = new WeakRef(value);
    return value;
  }

  /**
   * Checks that a whole body is JSON, or empty, once; its value is not retained.
   * @throws {SyntaxError} if it is not JSON
   * @throws {TypeError} if it is not UTF-8
   */
  checkJson(): void {
    const whole = this.wholeBytes;
    if (this.#isJson || whole === undefined) return;
    if (!isPlainJson(whole)) parseJson(whole);
    this.#isJson = true;
  }

  /** Reads from the first byte, at this reader's own pace. */
  [Symbol.asyncIterator](): AsyncGenerator<Bytes, void, void> {
    return this.#arriving ? this.#arriving[Symbol.asyncIterator]() : iterate(this.chunks);
  }

  /**
   * Returns what a Response or a fetch accepts: all bytes, or the origin's own stream, which is
   * then read without passing through this Body. A stream can be handed on once; the body cannot
   * be read after that.
   */
  handOn(): Bytes | ReadableStream<Bytes> {
    return this.#whole ?? this.#arriving?.handOn() ?? new Uint8Array();
  }

  /** Counts its bytes in a budget until every holder has released it. */
  hold(budget: BufferBudget): void {
    this.#held ??= new HeldBytes();
    this.#held.hold(budget, lengthOf(this.chunks));
  }

  /** Ends one `hold`. */
  release(): void {
    this.#held?.release();
  }

  /** Cancels the origin; current readers fail. Does nothing to a complete body. */
  async cancel(): Promise<void> {
    await this.#arriving?.cancel();
  }
}

async function* iterate(chunks: readonly Bytes[]): AsyncGenerator<Bytes, void, void> {
  yield* chunks;
}

function parseJson(bytes: Bytes): unknown {
  if (bytes.length === 0) return undefined;
  const text = UTF8.decode(bytes);
  // The decoder puts U+FFFD where bytes are not UTF-8.
  return JSON.parse(text.includes("\ufffd") ? STRICT_UTF8.decode(bytes) : text);
}
