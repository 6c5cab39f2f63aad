import { type BodyOrigin, BodyTooLarge } from "../../core/body.ts";
import { type Bytes, joinBytes } from "../../core/bytes.ts";
import type { UpstreamFault } from "../../core/upstream_fault.ts";
import type { BodyFraming } from "./body_framing.ts";
import type { Connection, ConnectionReader } from "./connection.ts";

/** Size of a read without the connection's buffer. */
const READ_BYTES = 64 * 1024;

/** What a body belongs to. */
export interface BodyOwner {
  /** Called when the body has ended: whether it was read to its exact end. */
  end(isExact: boolean): void;
}

/**
 * A response's body that did not arrive with its head. It is read on demand: the connection reads
 * nothing unless somebody waits for it.
 */
export class ReceivedBody implements BodyOrigin, ConnectionReader {
  readonly length: number | undefined;
  readonly #connection: Connection;
  readonly #framing: BodyFraming;
  readonly #owner: BodyOwner;
  #begun: Bytes | undefined;
  #stream: ReadableStream<Bytes> | undefined;
  #reading: PromiseWithResolvers<number> | undefined;
  #fault: UpstreamFault | undefined;
  #hasEnded = false;

  /**
   * @param begun what arrived with the head
   * @param length of the whole body, if known (bytes)
   */
  constructor(
    connection: Connection,
    framing: BodyFraming,
    owner: BodyOwner,
    begun: Bytes,
    length: number | undefined,
  ) {
    this.#connection = connection;
    this.#framing = framing;
    this.#owner = owner;
    this.#begun = begun;
    this.length = length;
    connection.readBy(this);
  }

  onBytes(count: number): void {
    this.#reading?.resolve(count);
  }

  onEnd(fault?: UpstreamFault): void {
    this.#fault = fault;
    if (fault === undefined) return this.#reading?.resolve(0);
    this.#end(false);
    this.#reading?.reject(fault);
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
   * Reads the body in one step.
   * @throws {UpstreamFault}
   * @throws {BodyTooLarge} if its length was not known
   */
  async whole(limit: number, count: (bytes: number) => void): Promise<Bytes> {
    try {
      return this.length === undefined
        ? await this.#collect(limit, count)
        : await this.#fill(this.length);
    } finally {
      this.#end(false); // unless it has ended well
    }
  }

  async #fill(length: number): Promise<Bytes> {
    const begun = this.#begun ?? new Uint8Array();
    this.#begun = undefined;
    const all = new Uint8Array(length);
    all.set(begun);
    for (let at = begun.length; !this.#framing.isDone;) {
      at += await this.#readInto(all.subarray(at));
    }
    this.#end(true);
    return all;
  }

  async #collect(limit: number, count: (bytes: number) => void): Promise<Bytes> {
    const chunks: Bytes[] = [];
    let length = 0;
    for (let chunk = await this.#read(); chunk; chunk = await this.#read()) {
      length += chunk.length;
      if (length > limit) throw new BodyTooLarge(limit);
      count(chunk.length);
      chunks.push(chunk);
    }
    return joinBytes(chunks);
  }

  /** Returns the next bytes; undefined at the end. */
  async #read(): Promise<Bytes | undefined> {
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun && begun.length > 0) return begun;
    try {
      while (!this.#framing.isDone) {
        const bytes = await this.#next();
        if (this.#framing.isDone) this.#end(true);
        if (bytes.length > 0) return bytes;
      }
      return undefined;
    } catch (error) {
      this.#end(false);
      throw error;
    }
  }

  async #next(): Promise<Bytes> {
    const { plain } = this.#framing;
    if (plain >= this.#connection.buffer.length && this.#connection.isDrained) {
      const into = new Uint8Array(Math.min(plain, READ_BYTES));
      const count = await this.#readInto(into);
      return count > into.length / 2 ? into.subarray(0, count) : into.slice(0, count);
    }
    const bytes = this.#framing.take(this.#connection);
    if (bytes.length === 0 && !this.#framing.isDone && await this.#more() === 0) {
      this.#framing.end();
    }
    return bytes;
  }

  /** @param bytes receives body bytes alone */
  async #readInto(bytes: Bytes): Promise<number> {
    const count = await this.#more(bytes);
    if (count > 0) this.#framing.skip(count);
    else this.#framing.end();
    return count;
  }

  /**
   * Waits for the next bytes, by default in the connection's buffer; 0 at the end of the upstream's
   * data.
   * @throws {UpstreamFault}
   */
  async #more(into?: Bytes): Promise<number> {
    if (this.#fault) throw this.#fault;
    this.#reading = Promise.withResolvers();
    if (into) this.#connection.readInto(into);
    else this.#connection.read();
    return await this.#reading.promise;
  }

  #end(isExact: boolean): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#owner.end(isExact);
  }
}
