import type { Bytes } from "../../core/bytes.ts";
import { UpstreamFault } from "../../core/upstream_fault.ts";
import { type BodyFraming, truncated } from "./body_framing.ts";
import type { Connection } from "./connection.ts";
import { MAX_HEAD_BYTES } from "./response_head.ts";

/** Maximum length of a chunk-size line with its extensions. */
const MAX_SIZE_LINE_BYTES = 4 * 1024;

const LF = 10;
const CR = 13;
/** A size, then extensions, which are ignored. */
const SIZE_LINE = /^([\da-f]{1,13})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i;
const TRAILER_LINE = /^[!#$%&'*+.^_`|~\w-]+:[\t\x20-\x7e\x80-\xff]*$/;

/** A chunked body (RFC 9112 section 7.1). Its trailers are read, and dropped. */
export class ChunkedFraming implements BodyFraming {
  #expects: "size" | "data" | "data end" | "trailers" | "nothing" = "size";
  /** Remaining bytes of the chunk. */
  #remaining = 0;
  #trailerBytes = 0;

  get isDone(): boolean {
    return this.#expects === "nothing";
  }

  get plain(): number {
    return this.#expects === "data" ? this.#remaining : 0;
  }

  take(connection: Connection): Bytes {
    const most = connection.end - connection.start;
    const taken = new Uint8Array(most);
    let length = 0;
    while (this.#advance(connection)) {
      if (this.#expects !== "data") continue;
      const { buffer, start, end } = connection;
      const count = Math.min(this.#remaining, end - start);
      if (count === 0) break;
      taken.set(buffer.subarray(start, start + count), length);
      length += count;
      connection.start += count;
      this.skip(count);
    }
    // A view would retain the whole buffer, which is costly for tiny chunks.
    return length > most / 2 ? taken.subarray(0, length) : taken.slice(0, length);
  }

  skip(count: number): void {
    this.#remaining -= count;
    if (this.#remaining === 0) this.#expects = "data end";
  }

  end(): void {
    if (!this.isDone) throw truncated();
  }

  /** Consumes what precedes the next data; false if more must be read, or the body is complete. */
  #advance(connection: Connection): boolean {
    if (this.#expects === "nothing") return false;
    if (this.#expects === "data") return true;
    const line = takeLine(connection);
    if (line === undefined) return false;
    if (this.#expects === "size") {
      this.#remaining = sizeOf(line);
      this.#expects = this.#remaining > 0 ? "data" : "trailers";
    } else if (this.#expects === "data end") {
      if (line !== "") throw malformed("a chunk is longer than its size");
      this.#expects = "size";
    } else if (line === "") {
      this.#expects = "nothing";
    } else {
      this.#trailerBytes += line.length;
      if (!TRAILER_LINE.test(line) || this.#trailerBytes > MAX_HEAD_BYTES) {
        throw malformed("a trailer is invalid");
      }
    }
    return true;
  }
}

/** Returns the next line without CR LF; undefined if it is incomplete. */
function takeLine(connection: Connection): string | undefined {
  const { buffer, start, end } = connection;
  let line = "";
  for (let at = start; at < end; at++) {
    const byte = buffer[at] ?? 0;
    if (byte === LF) {
      if (at === start || buffer[at - 1] !== CR) throw malformed("an LF without CR between chunks");
      connection.start = at + 1;
      return line;
    }
    if (at > start && buffer[at - 1] === CR) throw malformed("a CR without LF between chunks");
    if (byte !== CR) line += String.fromCharCode(byte);
    if (line.length > MAX_SIZE_LINE_BYTES) throw malformed("a line between chunks is too long");
  }
  return undefined;
}

function sizeOf(line: string): number {
  const [, digits] = SIZE_LINE.exec(line) ?? [];
  if (digits === undefined) throw malformed("a chunk has an invalid size");
  return parseInt(digits, 16);
}

function malformed(what: string): UpstreamFault {
  return new UpstreamFault("malformed", `the response is malformed: ${what}`);
}
