import type { Bytes } from "../core/bytes.ts";
import { GatewayError } from "../core/errors.ts";
import { MemberName } from "./member_name.ts";
import { afterComma, kindAt, Members, skipSpace } from "./scan.ts";

/** Which members of an object to pick. */
export type Selection = readonly SelectedMember[];

/** A member to pick. */
interface SelectedMember {
  readonly name: MemberName;
  /** What to pick within it; undefined for all of it. */
  readonly inner: Selection | undefined;
}

/** Makes a selection of dotted names: `["id", "address.city"]`. */
export function selectionOf(names: readonly string[]): Selection {
  return nest(names.map((name) => name.split(".")));
}

function nest(paths: readonly (readonly string[])[]): Selection {
  const byName = Map.groupBy(paths, ([name = ""]) => name);
  return Array.from(byName, ([name, paths]) => {
    const rests = paths.map(([, ...rest]) => rest);
    const isWhole = rests.some((rest) => rest.length === 0);
    return { name: new MemberName(name), inner: isWhole ? undefined : nest(rests) };
  });
}

/** Maximum nesting of lists: each level is a recursive call. */
const MAX_LISTS = 100;

const ENCODER = new TextEncoder();
const NULL = ENCODER.encode("null");
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;
/** How many numbers describe a member's place. */
const PLACE = 4;
const [COMMA, COLON] = [0x2c, 0x3a] as const;

/**
 * Picks the selected members of an object, or of each object of a list, byte for byte. Missing
 * members are left out; null stays null.
 * @param document well-formed JSON without a byte order mark
 * @throws {GatewayError} `upstream-invalid` for a value that has no members, such as a string
 */
export function pick(document: Bytes, selection: Selection): Bytes {
  return new Picking(document).pick(selection);
}

class Picking {
  readonly #document: Bytes;
  /** As long as the document: what is picked is never longer. */
  readonly #picked: Bytes;
  #length = 0;

  constructor(document: Bytes) {
    this.#document = document;
    this.#picked = new Uint8Array(document.length);
  }

  pick(selection: Selection): Bytes {
    this.#value(skipSpace(this.#document, 0), selection, 0);
    return this.#picked.slice(0, this.#length);
  }

  /**
   * @param lists how many lists enclose the value
   * @returns the value's end
   */
  #value(start: number, selection: Selection, lists: number): number {
    switch (kindAt(this.#document, start)) {
      case "list":
        return this.#list(start, selection, lists);
      case "object":
        return this.#object(start, selection);
      case "scalar":
        if (this.#document[start] !== NULL[0]) throw withoutMembers();
        this.#picked.set(NULL, this.#length);
        this.#length += NULL.length;
        return start + NULL.length;
    }
  }

  #list(start: number, selection: Selection, lists: number): number {
    if (lists === MAX_LISTS) {
      throw new GatewayError(
        "upstream-invalid",
        `the upstream's response nests more than ${MAX_LISTS} lists`,
      );
    }
    this.#put(OPEN_LIST);
    let place = skipSpace(this.#document, start + 1);
    while (place < this.#document.length && this.#document[place] !== CLOSE_LIST) {
      const end = this.#value(place, selection, lists + 1);
      place = afterComma(this.#document, end);
      if (this.#document[place] !== CLOSE_LIST) this.#put(COMMA);
    }
    this.#put(CLOSE_LIST);
    return place + 1;
  }

  #object(start: number, selection: Selection): number {
    const members = new Members(this.#document, start);
    const places = this.#find(members, selection);
    this.#put(OPEN_OBJECT);
    let isFirst = true;
    selection.forEach(({ inner }, index) => {
      const place = index * PLACE;
      const [start, end] = [places[place + 2] ?? 0, places[place + 3] ?? 0];
      if (end === 0) return;
      if (!isFirst) this.#put(COMMA);
      isFirst = false;
      this.#copy(places[place] ?? 0, places[place + 1] ?? 0);
      this.#put(COLON);
      if (inner === undefined) this.#copy(start, end);
      else this.#value(start, inner, 0);
    });
    this.#put(CLOSE_OBJECT);
    return members.after;
  }

  /** For each selected member, the start and end of its name and of its value; zeros if missing. */
  #find(members: Members, selection: Selection): number[] {
    const places: number[] = new Array(selection.length * PLACE).fill(0);
    while (members.next()) {
      const index = selection.findIndex(({ name }) => name.names(this.#document, members));
      if (index < 0) continue;
      places[index * PLACE] = members.nameStart;
      places[index * PLACE + 1] = members.nameEnd;
      places[index * PLACE + 2] = members.start;
      places[index * PLACE + 3] = members.end;
    }
    return places;
  }

  #put(byte: number): void {
    this.#picked[this.#length++] = byte;
  }

  #copy(start: number, end: number): void {
    for (let place = start; place < end; place++) this.#put(this.#document[place] ?? 0);
  }
}

function withoutMembers(): GatewayError {
  return new GatewayError("upstream-invalid", "the upstream's response has no members to pick", {
    cause: new TypeError("a string, a number or a boolean has no members"),
  });
}
