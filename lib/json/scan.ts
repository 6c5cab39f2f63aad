import type { Bytes } from "../core/bytes.ts";

// Finds values in JSON that is known to be well-formed (it has been parsed), so that they can be
// passed on byte for byte. No function here recurses: nesting costs no stack.

const [TAB, LINE_FEED, CARRIAGE_RETURN, SPACE] = [0x09, 0x0a, 0x0d, 0x20] as const;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c] as const;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;

/** The place of a value in its document: from `start` up to, but not including, `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The kind of the value that begins at `at`. */
export function kindAt(document: Bytes, at: number): "object" | "list" | "scalar" {
  const byte = document[at];
  return byte === OPEN_OBJECT ? "object" : byte === OPEN_LIST ? "list" : "scalar";
}

/** The first place from `at` on that is not white space. */
export function skipSpace(document: Bytes, at: number): number {
  let place = at;
  while (isSpace(document[place])) place++;
  return place;
}

/** The end of the value that begins at `start`. */
export function endOfValue(document: Bytes, start: number): number {
  const first = document[start];
  if (first === QUOTE) return endOfString(document, start);
  let place = start;
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) {
    while (place < document.length && !endsScalar(document[place])) place++;
    return place;
  }
  let depth = 0;
  do {
    const byte = document[place];
    if (byte === QUOTE) {
      place = endOfString(document, place);
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) depth--;
    place++;
  } while (depth > 0 && place < document.length);
  return place;
}

/** The end of the string whose opening quote is at `start`. */
export function endOfString(document: Bytes, start: number): number {
  let place = start + 1;
  while (place < document.length && document[place] !== QUOTE) {
    place += document[place] === BACKSLASH ? 2 : 1;
  }
  return place + 1;
}

/** The items of the list that begins at `start`. */
export function itemsAt(document: Bytes, start: number): Range[] {
  const items: Range[] = [];
  let place = skipSpace(document, start + 1);
  while (place < document.length && document[place] !== CLOSE_LIST) {
    const end = endOfValue(document, place);
    items.push({ start: place, end });
    place = afterComma(document, end);
  }
  return items;
}

/**
 * A cursor over the members of an object; a repeated name appears each time. One instance serves all
 * members, to save allocations in lists of objects.
 */
export class Members {
  readonly #document: Bytes;
  #next: number;
  /** Where the member's name begins, quote included, and ends. */
  nameStart = 0;
  nameEnd = 0;
  /** Where its value begins and ends. */
  start = 0;
  end = 0;

  /** @param start where the object begins */
  constructor(document: Bytes, start: number) {
    this.#document = document;
    this.#next = skipSpace(document, start + 1);
  }

  /** Where the object ends; valid once `next` has returned false. */
  get after(): number {
    return this.#next + 1;
  }

  /** Advances to the next member; false when there is none. */
  next(): boolean {
    const document = this.#document;
    if (this.#next >= document.length || document[this.#next] === CLOSE_OBJECT) return false;
    this.nameStart = this.#next;
    this.nameEnd = endOfString(document, this.nameStart);
    const colon = skipSpace(document, this.nameEnd);
    this.start = skipSpace(document, colon + 1);
    this.end = endOfValue(document, this.start);
    this.#next = afterComma(document, this.end);
    return true;
  }
}

/** From the end of a value: where the next item or member begins, or the list or object ends. */
export function afterComma(document: Bytes, at: number): number {
  const place = skipSpace(document, at);
  return document[place] === COMMA ? skipSpace(document, place + 1) : place;
}

function endsScalar(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || isSpace(byte);
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB;
}
