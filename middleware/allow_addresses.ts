import type { AddressRules } from "../lib/config/route.ts";
import { memoizePredicate } from "../lib/core/memoize_predicate.ts";
import { GatewayError } from "../lib/core/errors.ts";
import { isWithin, parseAddress } from "../lib/http/address.ts";
import type { Middleware } from "./middleware.ts";

/** Refuses clients by their address with 403: those that are denied, and those that are not allowed. */
export function allowAddresses({ allow, deny }: AddressRules): Middleware {
  const mayCome = memoizePredicate((text) => {
    const address = parseAddress(text);
    if (address === undefined) return allow === undefined && deny.length === 0;
    return !isWithin(address, deny) && (allow === undefined || isWithin(address, allow));
  });
  return {
    before(c) {
      if (mayCome(c.ctx.client.address)) return;
      throw new GatewayError("forbidden", "this client's address may not use this route");
    },
  };
}
