import { abortable } from "@std/async";
import { type AddressTrust, clientAddress } from "../lib/http/client_address.ts";
import type { ClientDirectory, KnownClient } from "../lib/operator/client_directory.ts";
import type { ClientSettings } from "../lib/config/client.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { Client } from "../lib/core/source.ts";
import type { Exchange, Middleware } from "./env.ts";

/** How clients are identified. */
export interface ClientOptions {
  readonly trust: AddressTrust;
  /** Undefined: clients are identified by their address only. */
  readonly clients:
    | (Pick<ClientSettings, "key" | "required"> & { directory: ClientDirectory })
    | undefined;
  /** Throws for a blocked client. */
  readonly refuseBlocked: (client: Partial<Client>) => void;
}

const BEARER = /^Bearer +([^\s]+)$/i;

/**
 * Identifies the client: its address, and its name when it sends a known key. A blocked client is
 * refused here. A client that must be known and is not goes on to the rate limit, which counts it by
 * its address, and is refused after that.
 */
export function client({ trust, clients, refuseBlocked }: ClientOptions): Middleware {
  return async function client(c, next) {
    const ctx = c.get("ctx");
    const address = clientAddress(c.env.remoteAddress, c.req.raw.headers, trust);
    c.set("ctx", { ...ctx, client: { address } });
    // Before the key is looked up: the guesses of a blocked address cost the store nothing.
    refuseBlocked({ address });
    const known = clients && await find(c, clients.key, clients.directory);
    c.set("isRefused", clients?.required === true && known === undefined);
    if (known) {
      const { name, tier } = known;
      c.set("ctx", { ...ctx, client: { address, name, ...(tier === undefined ? {} : { tier }) } });
      refuseBlocked({ name });
    }
    await next();
  };
}

async function find(
  c: Exchange,
  where: ClientSettings["key"],
  directory: ClientDirectory,
): Promise<KnownClient | undefined> {
  const { headers } = c.req.raw;
  const key = where === "bearer"
    ? BEARER.exec(headers.get("authorization") ?? "")?.[1]
    : headers.get(where.header) ?? undefined;
  if (key === undefined || key === "") return undefined;
  const { signal } = c.get("ctx");
  try {
    return await abortable(Promise.try(() => directory.find(key)), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new GatewayError("limiter-unavailable", "the client cannot be identified", {
      headers: { "retry-after": "1" },
      cause: error,
    });
  }
}
