import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

/** Size of a read. */
const READ_BYTES = 64 * 1024;

/** A connection as Node's Duplex, which reads on demand. */
export class ConnectionStream extends Duplex {
  readonly #connection: Deno.Conn;
  readonly #buffer = new Uint8Array(READ_BYTES);

  constructor(connection: Deno.Conn) {
    super();
    this.#connection = connection;
  }

  override _read(): void {
    this.#connection.read(this.#buffer).then(
      (count) => this.push(count === null ? null : Buffer.from(this.#buffer.slice(0, count))),
      (error) => this.destroy(error),
    );
  }

  override _write(
    bytes: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    this.#writeAll(bytes).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.closeWrite().then(() => done(), () => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    try {
      this.#connection.close();
    } catch {
      // It was already closed.
    }
    done(error);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#connection.write(bytes.subarray(at));
    }
  }
}
