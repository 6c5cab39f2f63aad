import { abortable } from "@std/async";
import { type AddressTrust, clientAddress } from "../lib/http/client_address.ts";
import type { ClientDirectory, KnownClient } from "../lib/operator/client_directory.ts";
import type { ClientSettings } from "../lib/config/client.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { Client } from "../lib/core/source.ts";
import type { Exchange } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";

/** How a known client shows who it is, and where its key is looked up. */
export type KnownBy = Pick<ClientSettings, "key" | "required"> & {
  readonly directory: ClientDirectory;
};

/** How clients are identified. */
export interface ClientOptions {
  readonly trust: AddressTrust;
  /** Undefined: clients are identified by their address only. */
  readonly clients: KnownBy | undefined;
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
  const identify = async (c: Exchange, { key, required, directory }: KnownBy) => {
    const known = await find(c, key, directory);
    if (!known) {
      if (required) c.refusal = unknownClient(key);
      return;
    }
    const { name, tier } = known;
    c.ctx.client = { address: c.ctx.client.address, name, ...(tier === undefined ? {} : { tier }) };
    refuseBlocked({ name });
  };
  return {
    before(c) {
      const client = { address: clientAddress(c.env.remoteAddress, c.headers, trust) };
      c.ctx.client = client;
      // Before the key is looked up: the guesses of a blocked address cost the store nothing.
      refuseBlocked(client);
      if (clients) return identify(c, clients);
    },
  };
}

function unknownClient(key: ClientSettings["key"]): GatewayError {
  return new GatewayError("unauthorized", "this gateway requires a known client", {
    headers: { "www-authenticate": key === "bearer" ? "Bearer" : `ApiKey header="${key.header}"` },
  });
}

async function find(
  c: Exchange,
  where: ClientSettings["key"],
  directory: ClientDirectory,
): Promise<KnownClient | undefined> {
  const { headers } = c;
  const key = where === "bearer"
    ? BEARER.exec(headers.get("authorization") ?? "")?.[1]
    : headers.get(where.header) ?? undefined;
  if (key === undefined || key === "") return undefined;
  const { signal } = c.ctx;
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
