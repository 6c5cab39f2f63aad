import type { Bytes } from "../core/bytes.ts";
import { GatewayError } from "../core/errors.ts";
import { documentOf } from "./json_bytes.ts";
import { follow, writePointer } from "./pointer.ts";
import { ExactNumber } from "./exact_number.ts";
import { type JsonFacts, jsonFacts } from "./json_facts.ts";
import { locate } from "./locate.ts";
import { readExactly } from "./read_exactly.ts";

const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();

/** Maximum nesting of a value that is passed on. */
const MAX_DEPTH = 1000;

/** Thrown for an object or a list that is nested too deeply to be passed on as a value. */
export class JsonTooDeep extends GatewayError {
  constructor() {
    super("upstream-invalid", `must not be nested more than ${MAX_DEPTH} deep`);
  }
}

/**
 * Parsed JSON together with its bytes, so that its numbers keep their digits.
 *
 * Most values cost what they cost in parsed JSON. The bytes are scanned once, and only when a value
 * is or may contain a number; only if they hold a number that JavaScript would change is the value
 * read again, and memoized.
 */
export class JsonDocument {
  /** The document without a byte order mark; `null` for an empty one. */
  readonly bytes: Bytes;
  readonly #value: unknown;
  #facts: JsonFacts | undefined;
  #exact: Map<string, unknown> | undefined;

  /**
   * @param bytes the document as received
   * @param value the result of JSON.parse; undefined for an empty document
   */
  constructor(bytes: Bytes, value: unknown) {
    this.bytes = documentOf(bytes);
    this.#value = value ?? null;
  }

  /** Serializes a value. */
  static of(value: unknown): JsonDocument {
    const text = JSON.stringify(value) ?? "null";
    return new JsonDocument(ENCODER.encode(text), JSON.parse(text));
  }

  /**
   * The value at a path of keys; undefined when there is none. A number that JavaScript would
   * change is an {@linkcode ExactNumber}.
   * @throws {JsonTooDeep}
   */
  at(keys: readonly string[]): unknown {
    const value = follow(this.#value, keys);
    const isNested = typeof value === "object" && value !== null;
    if (!isNested && typeof value !== "number") return value;
    this.#facts ??= jsonFacts(this.bytes);
    if (isNested && this.#facts.depth > MAX_DEPTH) throw new JsonTooDeep();
    return this.#facts.mayChangeNumbers ? this.#exactly(keys, value) : value;
  }

  #exactly(keys: readonly string[], value: unknown): unknown {
    const memo = this.#exact ??= new Map();
    const pointer = writePointer(keys);
    if (!memo.has(pointer)) memo.set(pointer, this.#read(keys, value));
    return memo.get(pointer);
  }

  #read(keys: readonly string[], value: unknown): unknown {
    const place = locate(this.bytes, keys);
    if (place === undefined) return undefined;
    const text = DECODER.decode(this.bytes.subarray(place.start, place.end));
    if (typeof value !== "number") return readExactly(text);
    return String(value) === text ? value : new ExactNumber(text);
  }
}
