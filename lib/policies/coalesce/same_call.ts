import type { Call, Client } from "../../core/source.ts";

/** A call, and whatever else decides what is answered to it. */
export interface IdentifiedCall {
  /** Tells apart those that do different things with the same call. */
  readonly scope: string;
  readonly call: Call;
  readonly client: Client;
}

/**
 * Whether both ask for the same, so that one answer serves both: the same call to the letter, of
 * the same client. A client is its name where that is known, else its address. Bodies are not
 * compared: a call that has one is no other call's same. Nor is what parts answered, unless both
 * hold the very same object.
 */
export function sameCall(a: IdentifiedCall, b: IdentifiedCall): boolean {
  const [one, other] = [a.call, b.call];
  return a.scope === b.scope &&
    one.method === other.method &&
    one.path === other.path &&
    one.body === undefined && other.body === undefined &&
    one.parts === other.parts &&
    sameClient(a.client, b.client) &&
    sameParams(one.params, other.params) &&
    sameHeaders(one.headers, other.headers);
}

function sameClient(a: Client, b: Client): boolean {
  return a.name === b.name && (a.name !== undefined || a.address === b.address);
}

function sameParams(a: Call["params"] = {}, b: Call["params"] = {}): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length &&
    names.every((name) => a[name] === b[name]);
}

/** Headers are iterated in the order of their names, whatever the order in which they were set. */
function sameHeaders(a: Headers, b: Headers): boolean {
  const others = b.entries();
  for (const [name, value] of a) {
    const { done, value: other } = others.next();
    if (done || other[0] !== name || other[1] !== value) return false;
  }
  return others.next().done === true;
}
