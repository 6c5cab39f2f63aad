import type { DocObject } from "./document.ts";

/** A value of the client's body that templates refer to. */
interface Value {
  readonly members: Map<string, Value>;
  isRequired: boolean;
  /** The longest list that it may be; undefined if it need not be one. */
  maxItems: number | undefined;
  /** Whether a reference reads a list's item, so that it may be an object or a list. */
  isEither: boolean;
}

/** What is known of the client's body from the references to it. */
export class BodyShape {
  readonly #root = valueOf();

  /** Whether a request without it is refused. */
  get isRequired(): boolean {
    return this.#root.isRequired;
  }

  /** Adds a reference. @param maxItems the longest list, for a reference to a list */
  add(path: readonly string[], isRequired: boolean, maxItems?: number): void {
    let value = this.#root;
    value.isRequired ||= isRequired;
    for (const key of path) {
      if (/^\d+$/.test(key)) value.isEither = true;
      const member = value.members.get(key) ?? valueOf();
      value.members.set(key, member);
      value = member;
      value.isRequired ||= isRequired;
    }
    if (maxItems !== undefined) value.maxItems = Math.min(value.maxItems ?? Infinity, maxItems);
  }

  /** Returns its schema. */
  schema(): DocObject {
    return schemaOf(this.#root);
  }
}

function valueOf(): Value {
  return { members: new Map(), isRequired: false, maxItems: undefined, isEither: false };
}

function schemaOf({ members, maxItems, isEither }: Value): DocObject {
  if (isEither) return {};
  if (maxItems !== undefined) return { type: "array", maxItems };
  if (members.size === 0) return {};
  const required = [...members].filter(([, { isRequired }]) => isRequired).map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries([...members].map(([name, value]) => [name, schemaOf(value)])),
    ...(required.length > 0 && { required }),
  };
}
