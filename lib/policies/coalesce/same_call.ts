import type { Call, Client } from "../../core/source.ts";

/** A call, with everything else that decides its reply. */
export interface IdentifiedCall {
  /** Distinguishes callers whose inner policies treat the same call differently. */
  readonly scope: string;
  readonly call: Call;
  readonly client: Client;
}

/**
 * Whether two calls are identical, so that one reply serves both: equal in every field, and of the
 * same client. A client is identified by its name, or else by its address, and by its claims. Bodies are compared
 * by their key, without which no two are identical, and the results of other parts by identity.
 */
export function sameCall(a: IdentifiedCall, b: IdentifiedCall): boolean {
  const [one, other] = [a.call, b.call];
  return a.scope === b.scope &&
    one.method === other.method &&
    one.path === other.path &&
    sameContent(one, other) &&
    one.parts === other.parts &&
    sameClient(a.client, b.client) &&
    sameParams(one.params, other.params) &&
    sameHeaders(one.headers, other.headers);
}

function sameContent(a: Call, b: Call): boolean {
  if (a.body === undefined || b.body === undefined) return a.body === b.body;
  return a.contentKey !== undefined && a.contentKey === b.contentKey;
}

function sameClient(a: Client, b: Client): boolean {
  return a.name === b.name && (a.name !== undefined || a.address === b.address) &&
    a.claims === b.claims;
}

function sameParams(a: Call["params"] = {}, b: Call["params"] = {}): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length &&
    names.every((name) => a[name] === b[name]);
}

/** Compares in one pass: Headers iterate sorted by name. */
function sameHeaders(a: Headers, b: Headers): boolean {
  const others = b.entries();
  for (const [name, value] of a) {
    const { done, value: other } = others.next();
    if (done || other[0] !== name || other[1] !== value) return false;
  }
  return others.next().done === true;
}
