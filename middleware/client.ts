import { abortable } from "@std/async";
import { type AddressTrust, clientAddress } from "../lib/http/client_address.ts";
import type { ClientDirectory, KnownClient } from "../lib/operator/client_directory.ts";
import type { ClientSettings } from "../lib/config/client.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { Client } from "../lib/core/source.ts";
import type { Exchange, Middleware } from "./env.ts";

/** How clients are told apart. */
export interface ClientOptions {
  readonly trust: AddressTrust;
  /** Undefined: by address alone. */
  readonly clients:
    | (Pick<ClientSettings, "key" | "required"> & { directory: ClientDirectory })
    | undefined;
  /** Fails for a client that may not ask at all. */
  readonly refuseBanned: (client: Partial<Client>) => void;
}

const BEARER = /^Bearer +([^\s]+)$/i;

/**
 * Finds out who asks: the address, and the name of a client that shows a known key. One that is
 * banned is refused here; one that must be known and is not goes on to be counted by its address,
 * and is refused after that.
 */
export function client({ trust, clients, refuseBanned }: ClientOptions): Middleware {
  return async function client(c, next) {
    const ctx = c.get("ctx");
    const address = clientAddress(c.env.remoteAddress, c.req.raw.headers, trust);
    c.set("ctx", { ...ctx, client: { address } });
    // Before anyone is looked up: what a banned address guesses costs the store nothing.
    refuseBanned({ address });
    const known = clients && await find(c, clients.key, clients.directory);
    c.set("isRefused", clients?.required === true && known === undefined);
    if (known) {
      const { name, tier } = known;
      c.set("ctx", { ...ctx, client: { address, name, ...(tier === undefined ? {} : { tier }) } });
      refuseBanned({ name });
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
    throw new GatewayError("limiter-unavailable", "it cannot be seen who the client is", {
      headers: { "retry-after": "1" },
      cause: error,
    });
  }
}
