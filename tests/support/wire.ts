import { assert, assertEquals, assertMatch } from "@std/assert";
import { PROBLEM_PATH, type ProblemDocument } from "../../lib/http/problem.ts";

const ENCODER = new TextEncoder();

/** An answer that was read from the wire and found to be well-formed. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Without its transfer coding; one character a byte. */
  readonly body: string;
}

/** One end of a connection: bytes as they are, each a character of the text. */
export class Wire implements Disposable {
  #received: string;
  #isClosed = false;

  /** @param received what was read from the connection before */
  constructor(readonly connection: Deno.TcpConn, received = "") {
    this.#received = received;
  }

  /** Connects to a port of loopback. */
  static async connect(port: number): Promise<Wire> {
    return new Wire(await Deno.connect({ port, hostname: "127.0.0.1" }));
  }

  async send(data: string | Uint8Array): Promise<void> {
    let bytes = typeof data === "string" ? ENCODER.encode(data) : data;
    while (bytes.length > 0) bytes = bytes.subarray(await this.connection.write(bytes));
  }

  /** Takes all text up to a mark, which is part of it; fails when the other side closes before. */
  async until(mark: string): Promise<string> {
    let end = this.#received.indexOf(mark);
    while (end < 0) {
      if (!await this.#read()) {
        throw new Error(`closed before ${JSON.stringify(mark)}: ${JSON.stringify(this.#received)}`);
      }
      end = this.#received.indexOf(mark);
    }
    const taken = this.#received.slice(0, end + mark.length);
    this.#received = this.#received.slice(taken.length);
    return taken;
  }

  /** Takes that many bytes, or what there is when the other side closes before. */
  async take(length: number): Promise<string> {
    while (this.#received.length < length && await this.#read());
    const taken = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return taken;
  }

  /** Takes all that comes until the other side closes or resets. */
  rest(): Promise<string> {
    return this.take(Infinity);
  }

  /** Reads and throws away until that many bytes have come, or the other side closes. */
  async skip(length: number): Promise<number> {
    const buffer = new Uint8Array(256 * 1024);
    let skipped = this.#received.length;
    this.#received = "";
    while (skipped < length) {
      const read = await this.connection.read(buffer);
      if (read === null) break;
      skipped += read;
    }
    return skipped;
  }

  /**
   * Reads one whole answer, and asserts that it is a well-formed one.
   * @param method what was asked: an answer to HEAD has no body
   */
  async answer(method = "GET"): Promise<WireAnswer> {
    const head = await this.until("\r\n\r\n");
    const [statusLine = "", ...lines] = head.slice(0, -4).split("\r\n");
    assertMatch(statusLine, /^HTTP\/1\.[01] [2-5]\d\d [\x20-\x7e]*$/);
    const headers = new Headers(lines.map((line): [string, string] => {
      const [, name = "", value = ""] = /^([!#$%&'*+.^_`|~\w-]+): ?([^\r\n\0]*)$/.exec(line) ?? [];
      assert(name !== "", `not a header: ${JSON.stringify(line)}`);
      return [name, value];
    }));
    const status = Number(statusLine.split(" ")[1]);
    const isBodiless = method === "HEAD" || status === 204 || status === 304;
    const body = isBodiless ? "" : await this.#body(headers);
    return { status, headers, body };
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.connection.close();
  }

  async #body(headers: Headers): Promise<string> {
    if (headers.get("transfer-encoding") === "chunked") {
      assertEquals(headers.get("content-length"), null);
      return await this.chunks();
    }
    const length = headers.get("content-length");
    if (length === null) return await this.rest();
    const body = await this.take(Number(length));
    assertEquals(body.length, Number(length));
    return body;
  }

  /** Takes a chunked body to its end. */
  async chunks(): Promise<string> {
    let body = "";
    while (true) {
      const chunk = await this.chunk();
      if (chunk === "") return body;
      body += chunk;
    }
  }

  /** Takes one chunk of a chunked body; empty at its end. */
  async chunk(): Promise<string> {
    const size = await this.until("\r\n");
    assertMatch(size, /^[\da-fA-F]+\r\n$/);
    const chunk = await this.take(parseInt(size, 16));
    assertEquals(await this.take(2), "\r\n");
    return chunk;
  }

  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      const read = await this.connection.read(buffer);
      if (read === null) return false;
      for (let at = 0; at < read; at += 8192) {
        this.#received += String.fromCharCode(...buffer.subarray(at, Math.min(at + 8192, read)));
      }
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return false;
      throw error;
    }
  }
}

/** The bytes of a text, one a character. */
export function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The text of bytes, one character each (TextDecoder's latin1 is windows-1252). */
export function latin1Text(bytes: Uint8Array): string {
  return [...bytes].map((byte) => String.fromCharCode(byte)).join("");
}

/** One chunk of a chunked body. */
export function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** Sends one request as it is, on a connection of its own, and reads the answer. */
export async function ask(port: number, request: string): Promise<WireAnswer> {
  using wire = await Wire.connect(port);
  await wire.send(request);
  return await wire.answer(request.split(" ", 1)[0]);
}

/** Asks with GET for a target as it is. */
export function askFor(port: number, target: string, headers = ""): Promise<WireAnswer> {
  return ask(port, `GET ${target} HTTP/1.1\r\nHost: gateway.example\r\n${headers}\r\n`);
}

/**
 * The kind of problem that an answer is; undefined for one that is none. Whatever the gateway
 * refuses must be a problem document, save what is no HTTP and never became a request.
 */
export function problemKind({ status, headers, body }: WireAnswer): string | undefined {
  if (headers.get("content-type") !== "application/problem+json") {
    const isRefusedByServer = status === 400 && body === "" && !headers.has("x-request-id");
    assert(status < 400 || isRefusedByServer, `${status} ${body}`);
    return isRefusedByServer ? "not-http" : undefined;
  }
  const document: ProblemDocument = JSON.parse(body);
  assertEquals(document.status, status);
  assertEquals(document.instance, headers.get("x-request-id"));
  assertEquals(headers.get("cache-control"), "no-store");
  assert(document.type.startsWith(PROBLEM_PATH), document.type);
  return document.type.slice(PROBLEM_PATH.length);
}
