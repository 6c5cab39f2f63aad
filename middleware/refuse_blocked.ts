import type { Clock } from "../lib/core/clock.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { Operator } from "../lib/operator/operator.ts";
import type { Client } from "../lib/core/source.ts";

/** Fails for a client that is banned, by its name or its address, and says for how long it is. */
export function refuseBlocked(
  operator: Pick<Operator, "blocks"> | undefined,
  clock: Clock,
): (client: Partial<Client>) => void {
  return (client) => {
    const ban = operator?.blocks.of(client, clock.wall());
    if (!ban) return;
    const seconds = Math.max(1, Math.ceil((ban.until - clock.wall()) / 1000));
    throw new GatewayError("quota-exceeded", `banned: try again in ${seconds} s`, {
      headers: { "retry-after": String(seconds) },
      extensions: { "violated-policies": ["ban"] },
    });
  };
}
