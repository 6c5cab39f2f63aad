/** A field name (RFC 9110 section 5.1). */
const NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;
/** What a value must not contain, and white space around it, which is removed. */
const UNSENDABLE = /[\0\n\r]|[^\0-\xff]/;
const UNTRIMMED = /^[\t\n\r ]|[\t\n\r ]$/;
const SET_COOKIE = "set-cookie";

/**
 * Header fields as a plain list, with the API of `Headers`.
 *
 * A request needs about ten sets of headers, and most of them are only passed on: a list of fields
 * that are known to be valid costs a tenth of a `Headers`. Platform APIs take it wherever they take
 * an iterable of pairs.
 *
 * ```ts
 * const fields = new FieldList([["Accept", "text/html"]]);
 * fields.append("accept", "text/plain");
 * fields.get("ACCEPT"); // "text/html, text/plain"
 * ```
 */
export class FieldList implements Headers {
  /** Names in lower case and values, alternating. */
  #list: string[];
  #isSorted: boolean;
  #isFrozen = false;

  /**
   * @param list to add the fields to: valid, names in lower case and values, alternating; not copied
   * @throws {TypeError} for an invalid name or value
   */
  constructor(fields?: Headers | Iterable<readonly [string, string]>, list: string[] = []) {
    const isCopy = fields instanceof FieldList;
    this.#list = isCopy ? fields.#list.slice() : list;
    this.#isSorted = isCopy && fields.#isSorted;
    if (isCopy || fields === undefined) return;
    if (fields instanceof Headers) fields.forEach((value, name) => list.push(name, value));
    else for (const [name, value] of fields) this.append(name, value);
  }

  /** Creates a list from an object's entries, such as `{ accept: "text/html" }`. */
  static of(fields: Readonly<Record<string, string>>): FieldList {
    return new FieldList(Object.entries(fields));
  }

  /**
   * Wraps fields that are known to be valid.
   * @param list names in lower case and values, alternating; not copied
   */
  static trusted(list: string[]): FieldList {
    return new FieldList(undefined, list);
  }

  /** A copy of the fields whose name passes a test. */
  filter(test: (name: string) => boolean): FieldList {
    const list = this.#list;
    const passed: string[] = [];
    for (let at = 0; at < list.length; at += 2) {
      const name = list[at] ?? "";
      if (test(name)) passed.push(name, list[at + 1] ?? "");
    }
    const fields = FieldList.trusted(passed);
    fields.#isSorted = this.#isSorted;
    return fields;
  }

  /** The number of fields. */
  get size(): number {
    return this.#list.length / 2;
  }

  /** Whether the list can no longer be changed. */
  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Makes later changes throw, for a list that several requests share; returns the list. */
  freeze(): this {
    this.#sort();
    this.#isFrozen = true;
    return this;
  }

  /** Calls back for each field in the order of the list; fields of the same name are not combined. */
  each(callback: (name: string, value: string) => void): void {
    const list = this.#list;
    for (let at = 0; at < list.length; at += 2) callback(list[at] ?? "", list[at + 1] ?? "");
  }

  /** The fields one by one, in the form that `Response` and `fetch` take. */
  pairs(): [name: string, value: string][] {
    const list = this.#list;
    const pairs: [string, string][] = [];
    for (let at = 0; at < list.length; at += 2) pairs.push([list[at] ?? "", list[at + 1] ?? ""]);
    return pairs;
  }

  /** @inheritdoc */
  append(name: string, value: string): void {
    this.add(nameOf(name), valueOf(value));
  }

  /** Appends a field that is known to be valid, its name in lower case. */
  add(name: string, value: string): void {
    this.#checkChangeable();
    this.#list.push(name, value);
    this.#isSorted = false;
  }

  /** @inheritdoc */
  set(name: string, value: string): void {
    this.put(nameOf(name), valueOf(value));
  }

  /** Sets a field that is known to be valid, its name in lower case. */
  put(name: string, value: string): void {
    this.#checkChangeable();
    const list = this.#list;
    const first = this.#find(name);
    if (first < 0) list.push(name, value);
    else {
      list[first + 1] = value;
      this.#removeFrom(name, first + 2);
    }
    this.#isSorted = false;
  }

  /** @inheritdoc */
  delete(name: string): void {
    this.#checkChangeable();
    const first = this.#find(nameOf(name));
    if (first >= 0) this.#removeFrom(nameOf(name), first);
  }

  /** @inheritdoc */
  has(name: string): boolean {
    return this.#find(nameOf(name)) >= 0;
  }

  /** @inheritdoc */
  get(name: string): string | null {
    const lower = nameOf(name);
    const list = this.#list;
    const first = this.#find(lower);
    if (first < 0) return null;
    let value = list[first + 1] ?? "";
    for (let at = first + 2; at < list.length; at += 2) {
      if (list[at] === lower) value += `, ${list[at + 1]}`;
    }
    return value;
  }

  /** @inheritdoc */
  getSetCookie(): string[] {
    return this.pairs().filter(([name]) => name === SET_COOKIE).map(([, value]) => value);
  }

  /** Calls back for each name with its combined value, sorted by name; Set-Cookie is not combined. */
  forEach(callback: (value: string, name: string, parent: this) => void): void {
    this.#sort();
    const list = this.#list;
    for (let at = 0; at < list.length;) {
      const name = list[at] ?? "";
      let value = list[at + 1] ?? "";
      at += 2;
      for (; list[at] === name && name !== SET_COOKIE; at += 2) value += `, ${list[at + 1]}`;
      callback(value, name, this);
    }
  }

  /** @inheritdoc */
  *entries(): IterableIterator<[string, string]> {
    const entries: [string, string][] = [];
    this.forEach((value, name) => entries.push([name, value]));
    yield* entries;
  }

  /** @inheritdoc */
  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  /** @inheritdoc */
  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  /** @inheritdoc */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  #checkChangeable(): void {
    if (this.#isFrozen) throw new TypeError("these headers are shared and cannot be changed");
  }

  #find(name: string): number {
    const list = this.#list;
    for (let at = 0; at < list.length; at += 2) if (list[at] === name) return at;
    return -1;
  }

  #removeFrom(name: string, start: number): void {
    const list = this.#list;
    let to = start;
    for (let at = start; at < list.length; at += 2) {
      if (list[at] === name) continue;
      list[to] = list[at] ?? "";
      list[to + 1] = list[at + 1] ?? "";
      to += 2;
    }
    list.length = to;
  }

  /** Sorts by name; fields of the same name keep their order. */
  #sort(): void {
    if (this.#isSorted) return;
    const sorted = this.pairs().sort(([a], [b]) => a < b ? -1 : Number(a > b));
    this.#list = sorted.flat();
    this.#isSorted = true;
  }
}

/** Names that have been checked, in lower case; bounded, because clients choose some of them. */
const known = new Map<string, string>();
const MAX_KNOWN = 1_000;

function nameOf(name: string): string {
  const lower = known.get(name);
  if (lower !== undefined) return lower;
  if (!NAME.test(name)) throw new TypeError(`invalid header name: ${JSON.stringify(name)}`);
  const added = name.toLowerCase();
  if (known.size < MAX_KNOWN) known.set(name, added);
  return added;
}

function valueOf(value: string): string {
  const trimmed = UNTRIMMED.test(value) ? value.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "") : value;
  if (UNSENDABLE.test(trimmed)) throw new TypeError("invalid header value");
  return trimmed;
}
