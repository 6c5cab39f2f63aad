import type { Bytes } from "../core/bytes.ts";
import type { Members } from "./scan.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
const BACKSLASH = 0x5c;

/** Matches members of a JSON document by name, also where the document escapes it. */
export class MemberName {
  /** Without quotes and escapes. */
  readonly name: string;
  readonly #plain: Bytes;

  constructor(name: string) {
    this.name = name;
    this.#plain = ENCODER.encode(name);
  }

  /** Whether the member has this name. */
  names(document: Bytes, { nameStart, nameEnd }: Pick<Members, "nameStart" | "nameEnd">): boolean {
    const start = nameStart + 1;
    const length = nameEnd - 1 - start;
    if (length < this.#plain.length) return false; // an escape is never shorter
    if (length === this.#plain.length && isAt(document, start, this.#plain)) return true;
    if (!hasEscape(document, start, nameEnd - 1)) return false;
    return JSON.parse(DECODER.decode(document.subarray(nameStart, nameEnd))) === this.name;
  }
}

function isAt(document: Bytes, start: number, bytes: Bytes): boolean {
  for (let index = 0; index < bytes.length; index++) {
    if (document[start + index] !== bytes[index]) return false;
  }
  return true;
}

function hasEscape(document: Bytes, start: number, end: number): boolean {
  for (let place = start; place < end; place++) if (document[place] === BACKSLASH) return true;
  return false;
}
