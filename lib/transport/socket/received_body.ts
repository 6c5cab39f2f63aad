import type { Bytes } from "../../core/bytes.ts";
import type { BodyFraming } from "./body_framing.ts";
import type { Connection } from "./connection.ts";

/** Size of a read without the connection's buffer. */
const READ_BYTES = 64 * 1024;

/** A response's body, read from its connection. */
export class ReceivedBody {
  readonly #connection: Connection;
  readonly #framing: BodyFraming;
  readonly #onEnd: (isExact: boolean) => void;
  #hasEnded = false;
  #begun: Bytes | undefined;
  #stream: ReadableStream<Bytes> | undefined;

  /**
   * @param onEnd called once: whether the body was read to its end and the connection is reusable
   */
  constructor(
    connection: Connection,
    framing: BodyFraming,
    onEnd: (isExact: boolean) => void,
  ) {
    this.#connection = connection;
    this.#framing = framing;
    this.#onEnd = onEnd;
  }

  /**
   * Returns the whole body if it arrived with its head; otherwise undefined, and it must be read.
   * @throws {UpstreamFault}
   */
  takeWhole(): Bytes | undefined {
    const bytes = this.#guard(() => this.#framing.take(this.#connection));
    if (!this.#framing.isDone) {
      this.#begun = bytes;
      return undefined;
    }
    this.#end(true);
    return bytes;
  }

  /** Created only for callers that stream it. */
  get stream(): ReadableStream<Bytes> {
    return this.#stream ??= new ReadableStream<Bytes>({
      pull: async (controller) => {
        const bytes = await this.#read();
        if (bytes) controller.enqueue(bytes);
        if (this.#framing.isDone) controller.close();
      },
      cancel: () => this.#end(false),
    }, { highWaterMark: 0 });
  }

  /**
   * Reads a body of a known length in one step.
   * @throws {UpstreamFault}
   */
  readonly whole = async (): Promise<Bytes> => {
    const begun = this.#begun ?? new Uint8Array();
    const all = new Uint8Array(begun.length + this.#framing.plain);
    all.set(begun);
    for (let at = begun.length; !this.#framing.isDone;) {
      at += await this.#readInto(all.subarray(at));
    }
    this.#end(true);
    return all;
  };

  /** Returns the next bytes; undefined at the end. */
  async #read(): Promise<Bytes | undefined> {
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun && begun.length > 0) return begun;
    while (!this.#framing.isDone) {
      const bytes = await this.#next();
      if (this.#framing.isDone) this.#end(true);
      if (bytes.length > 0) return bytes;
    }
    return undefined;
  }

  async #next(): Promise<Bytes> {
    const { plain } = this.#framing;
    if (plain >= this.#connection.buffer.length && this.#connection.isDrained) {
      const into = new Uint8Array(Math.min(plain, READ_BYTES));
      const count = await this.#readInto(into);
      return count > into.length / 2 ? into.subarray(0, count) : into.slice(0, count);
    }
    const bytes = this.#guard(() => this.#framing.take(this.#connection));
    if (bytes.length > 0 || this.#framing.isDone) return bytes;
    try {
      if (!await this.#connection.fill()) this.#framing.end();
    } catch (error) {
      this.#end(false);
      throw error;
    }
    return bytes;
  }

  async #readInto(bytes: Bytes): Promise<number> {
    try {
      const count = await this.#connection.readInto(bytes);
      if (count > 0) this.#framing.skip(count);
      else this.#framing.end();
      return count;
    } catch (error) {
      this.#end(false);
      throw error;
    }
  }

  #guard(take: () => Bytes): Bytes {
    try {
      return take();
    } catch (error) {
      this.#end(false);
      throw error;
    }
  }

  #end(isExact: boolean): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onEnd(isExact);
  }
}
