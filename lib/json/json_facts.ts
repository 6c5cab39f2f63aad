import type { Bytes } from "../core/bytes.ts";
import { endOfString } from "./scan.ts";

const QUOTE = 0x22;
const [MINUS, DOT, ZERO, NINE] = [0x2d, 0x2e, 0x30, 0x39] as const;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;

/** JavaScript round-trips this many digits, unless one of the rules below applies. */
const SAFE_DIGITS = 15;

/** What one pass over a JSON document finds out. */
export interface JsonFacts {
  /**
   * Whether JavaScript may write some number differently after parsing it. False only if all
   * numbers certainly survive.
   */
  readonly mayChangeNumbers: boolean;
  /** The deepest nesting of objects and lists. */
  readonly depth: number;
}

/** Scans a well-formed JSON document once, without parsing it. */
export function jsonFacts(document: Bytes): JsonFacts {
  let mayChangeNumbers = false;
  let depth = 0;
  let deepest = 0;
  let place = 0;
  while (place < document.length) {
    const byte = document[place] ?? 0;
    if (byte === QUOTE) {
      place = endOfString(document, place);
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      if (++depth > deepest) deepest = depth;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      depth--;
    } else if (byte === MINUS || isDigit(byte)) {
      const end = endOfNumber(document, place);
      if (!mayChangeNumbers) mayChangeNumbers = mayChange(document, place, end);
      place = end;
      continue;
    }
    place++;
  }
  return { mayChangeNumbers, depth: deepest };
}

function endOfNumber(document: Bytes, start: number): number {
  let place = start + 1;
  while (place < document.length && isNumeric(document[place] ?? 0)) place++;
  return place;
}

/** True for an exponent, a trailing zero in a fraction, -0, many digits, or a tiny fraction. */
function mayChange(document: Bytes, start: number, end: number): boolean {
  const first = document[start] === MINUS ? start + 1 : start;
  if (end - first > SAFE_DIGITS) return true;
  let dot = -1;
  for (let place = first; place < end; place++) {
    const byte = document[place] ?? 0;
    if (byte === DOT) dot = place;
    else if (!isDigit(byte)) return true;
  }
  if (dot < 0) return first > start && document[first] === ZERO;
  if (document[end - 1] === ZERO) return true;
  // Below 1e-6 JavaScript writes an exponent.
  return document[first] === ZERO && end - dot > 7 &&
    document.subarray(dot + 1, dot + 7).every((byte) => byte === ZERO);
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** Digits, `-`, `+`, `.`, `e` and `E`. */
function isNumeric(byte: number): boolean {
  return isDigit(byte) || byte === DOT || byte === MINUS || byte === 0x2b || byte === 0x65 ||
    byte === 0x45;
}
