import type { Clock } from "../lib/core/clock.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { Operator } from "../lib/operator/operator.ts";
import type { Client } from "../lib/core/source.ts";

/** Makes a check that throws `quota-exceeded` for a client blocked by name or address. */
export function refuseBlocked(
  operator: Pick<Operator, "blocks"> | undefined,
  clock: Clock,
): (client: Partial<Client>) => void {
  return (client) => {
    const block = operator?.blocks.of(client, clock.wall());
    if (!block) return;
    const seconds = Math.max(1, Math.ceil((block.until - clock.wall()) / 1000));
    throw new GatewayError("quota-exceeded", `banned: try again in ${seconds} s`, {
      headers: { "retry-after": String(seconds) },
      extensions: { "violated-policies": ["ban"] },
    });
  };
}
