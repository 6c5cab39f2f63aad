import { GatewayError } from "../../lib/core/errors.ts";
import type { OperatorExchange } from "./operator_env.ts";

/**
 * Reads the query of an operator's request. An unknown or repeated parameter is an error, so that a
 * misspelt request changes nothing.
 * @param names the parameters of this route
 * @throws {GatewayError} `bad-request`
 */
export function readQuery<const Name extends string>(
  c: OperatorExchange,
  names: readonly Name[],
): ReadonlyMap<Name, string> {
  const read = new Map<Name, string>();
  for (const [key, value] of new URL(c.req.url).searchParams) {
    const name = names.find((name) => name === key);
    if (name === undefined) {
      throw new GatewayError("bad-request", `the parameters here are ${names.join(", ")}`);
    }
    if (read.has(name)) throw new GatewayError("bad-request", `${name} must not be given twice`);
    read.set(name, value);
  }
  return read;
}

/**
 * Reads the parameter `limit`: the size of a page of a list.
 * @throws {GatewayError} `bad-request`
 */
export function readLimit(text: string | undefined, usual: number, most: number): number {
  if (text === undefined) return usual;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= most) return limit;
  throw new GatewayError("bad-request", `limit must be a whole number from 1 to ${most}`);
}
