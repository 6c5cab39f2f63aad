import type { Bytes } from "../../core/bytes.ts";
import { type BodyFraming, truncated } from "./body_framing.ts";
import type { Connection } from "./connection.ts";

/** A body of a known length, or one that ends with its connection (RFC 9112 section 6.3). */
export class PlainFraming implements BodyFraming {
  #remaining: number;

  /** @param length bytes; Infinity: until the connection ends */
  constructor(length: number) {
    this.#remaining = length;
  }

  get isDone(): boolean {
    return this.#remaining === 0;
  }

  get plain(): number {
    return this.#remaining;
  }

  take(connection: Connection): Bytes {
    const { buffer, start, end } = connection;
    const count = Math.min(this.#remaining, end - start);
    connection.start += count;
    this.#remaining -= count;
    return buffer.slice(start, start + count);
  }

  skip(count: number): void {
    this.#remaining -= count;
  }

  end(): void {
    if (this.#remaining !== Infinity && this.#remaining !== 0) throw truncated();
    this.#remaining = 0;
  }
}
