import type { Bytes } from "../core/bytes.ts";
import { MemberName } from "./member_name.ts";
import { itemsAt, kindAt, Members, skipSpace } from "./scan.ts";

/** New names for members. */
export type Renaming = readonly RenamedMember[];

/** A member, its new name, and those of members within it. */
interface RenamedMember {
  readonly name: MemberName;
  /** Undefined: it keeps its name. */
  readonly to: MemberName | undefined;
  readonly inner: Renaming;
}

/** A member's place in the document. */
interface Place {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly start: number;
  readonly end: number;
}

/** Makes a renaming of dotted names: `{ "address.zip": "postcode" }`. */
export function renamingOf(names: Readonly<Record<string, string>>): Renaming {
  return nest(Object.entries(names).map(([from, to]) => ({ path: from.split("."), to })));
}

function nest(
  names: readonly { readonly path: readonly string[]; readonly to: string }[],
): Renaming {
  const byName = Map.groupBy(names, ({ path: [name = ""] }) => name);
  return Array.from(byName, ([name, same]) => {
    const to = same.find(({ path }) => path.length === 1)?.to;
    const inner = same.filter(({ path }) => path.length > 1)
      .map(({ path, to }) => ({ path: path.slice(1), to }));
    return {
      name: new MemberName(name),
      to: to === undefined ? undefined : new MemberName(to),
      inner: nest(inner),
    };
  });
}

/** Maximum nesting of lists: each level is a recursive call. What is deeper keeps its names. */
const MAX_LISTS = 100;

const ENCODER = new TextEncoder();
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;
const [COMMA, COLON] = [0x2c, 0x3a] as const;

/**
 * Renames members of an object, or of each object of a list; values are copied byte for byte. A
 * member that has the new name of another is left out. A value without members stays as it is.
 * @param document well-formed JSON without a byte order mark
 */
export function rename(document: Bytes, renaming: Renaming): Bytes {
  return new Renamer(document).rename(renaming);
}

class Renamer {
  readonly #document: Bytes;
  #renamed: Bytes;
  #length = 0;

  constructor(document: Bytes) {
    this.#document = document;
    this.#renamed = new Uint8Array(document.length + (document.length >> 2) + 64);
  }

  rename(renaming: Renaming): Bytes {
    const start = skipSpace(this.#document, 0);
    this.#value({ start, end: this.#document.length }, renaming, 0);
    return this.#renamed.slice(0, this.#length);
  }

  #value({ start, end }: Pick<Place, "start" | "end">, renaming: Renaming, lists: number): void {
    const kind = renaming.length === 0 ? "scalar" : kindAt(this.#document, start);
    if (kind === "object") this.#object(start, renaming);
    else if (kind === "list" && lists < MAX_LISTS) this.#list(start, renaming, lists);
    else this.#copy(this.#document.subarray(start, end));
  }

  #list(start: number, renaming: Renaming, lists: number): void {
    this.#put(OPEN_LIST);
    itemsAt(this.#document, start).forEach((item, index) => {
      if (index > 0) this.#put(COMMA);
      this.#value(item, renaming, lists + 1);
    });
    this.#put(CLOSE_LIST);
  }

  #object(start: number, renaming: Renaming): void {
    const places = this.#placesOf(start);
    const rules = places.map((place) =>
      renaming.find(({ name }) => name.names(this.#document, place))
    );
    const taken = rules.flatMap((rule) => rule?.to ?? []);
    let isFirst = true;
    this.#put(OPEN_OBJECT);
    places.forEach((place, index) => {
      const { to, inner = [] } = rules[index] ?? {};
      if (!to && taken.some((name) => name.names(this.#document, place))) return;
      if (!isFirst) this.#put(COMMA);
      isFirst = false;
      this.#copy(
        to
          ? ENCODER.encode(JSON.stringify(to.name))
          : this.#document.subarray(place.nameStart, place.nameEnd),
      );
      this.#put(COLON);
      this.#value(place, inner, 0);
    });
    this.#put(CLOSE_OBJECT);
  }

  #placesOf(start: number): Place[] {
    const members = new Members(this.#document, start);
    const places: Place[] = [];
    while (members.next()) {
      const { nameStart, nameEnd, start, end } = members;
      places.push({ nameStart, nameEnd, start, end });
    }
    return places;
  }

  #put(byte: number): void {
    this.#reserve(1);
    this.#renamed[this.#length++] = byte;
  }

  #copy(bytes: Bytes): void {
    this.#reserve(bytes.length);
    this.#renamed.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#renamed.length) return;
    const larger = new Uint8Array(2 * (this.#length + length));
    larger.set(this.#renamed);
    this.#renamed = larger;
  }
}
