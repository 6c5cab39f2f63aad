import { ExactNumber } from "../json/exact_number.ts";

/** The claims of a token, as parsed JSON. */
export type Claims = Readonly<Record<string, unknown>>;

/** Who a request comes from, as one way of authentication found out. */
export interface Identity {
  /** The claims; empty where the way has none. */
  readonly claims: Claims;
  /** The client's name in limits, blocks and the log; absent where nothing names it. */
  readonly name?: string;
  /** The client's tier, for which limits can have other rates; absent if it has none. */
  readonly tier?: string;
}

/** Which claims name the client and its tier; undefined: none does. */
export interface ClaimNames {
  readonly name: string | undefined;
  readonly tier: string | undefined;
}

/** Makes an identity of claims. */
export function identityOf(way: string, claims: Claims, names: ClaimNames): Identity {
  const [name, tier] = [textIn(claims, names.name), textIn(claims, names.tier)];
  return {
    claims,
    // The same subject of another issuer is another client.
    ...(name !== undefined && { name: `${way}:${name}` }),
    ...(tier !== undefined && { tier }),
  };
}

function textIn(claims: Claims, name: string | undefined): string | undefined {
  const value = name === undefined ? undefined : claims[name];
  if (typeof value === "number" || value instanceof ExactNumber) return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}
