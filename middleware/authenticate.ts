import { abortable } from "@std/async";
import { CannotCheck, InvalidCredentials } from "../lib/auth/auth_error.ts";
import type { Authenticator } from "../lib/auth/authenticator.ts";
import type { Identity } from "../lib/auth/identity.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { Client } from "../lib/core/source.ts";
import type { Exchange } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";

/** Who may use a route. */
export interface AuthenticateOptions {
  /** The ways to authenticate, in the order in which they are tried. */
  readonly ways: readonly Authenticator[];
  /** Throws for a blocked client. */
  readonly refuseBlocked: (client: Partial<Client>) => void;
}

/** Why a way did not accept a client; undefined: the request has no credentials of its kind. */
type Failure = InvalidCredentials | CannotCheck | undefined;

/**
 * Authenticates the client in the first way that its credentials pass. A client that passes none goes
 * on to the rate limit, which counts it by its address, and is refused after that.
 */
export function authenticate({ ways, refuseBlocked }: AuthenticateOptions): Middleware {
  const accept = (c: Exchange, { claims, name, tier }: Identity) => {
    c.ctx.client = {
      address: c.ctx.client.address,
      claims,
      ...(name !== undefined && { name }),
      ...(tier !== undefined && { tier }),
    };
    if (name !== undefined) refuseBlocked({ name });
  };
  /** Waits only for what must be checked elsewhere. */
  const tryFrom = (c: Exchange, failures: readonly Failure[]): void | Promise<void> => {
    const way = ways[failures.length];
    if (way === undefined) {
      c.refusal = refusalOf(ways, failures);
      return;
    }
    const decide = (identity: Identity | undefined) =>
      identity ? accept(c, identity) : tryFrom(c, [...failures, undefined]);
    const fail = (error: unknown) => tryFrom(c, [...failures, failureOf(error)]);
    let identity: ReturnType<Authenticator["authenticate"]>;
    try {
      identity = way.authenticate(c.headers, c.ctx);
    } catch (error) {
      return fail(error);
    }
    if (!(identity instanceof Promise)) return decide(identity);
    return abortable(identity, c.ctx.signal).then(decide, fail);
  };
  return { before: (c) => tryFrom(c, []) };
}

function failureOf(error: unknown): Failure {
  if (error instanceof InvalidCredentials || error instanceof CannotCheck) return error;
  throw error;
}

function refusalOf(ways: readonly Authenticator[], failures: readonly Failure[]): GatewayError {
  const unchecked = failures.find((failure) => failure instanceof CannotCheck);
  // Whether the client may come in is not known, so it may not.
  if (unchecked) {
    return new GatewayError("auth-unavailable", "the credentials cannot be checked", {
      headers: { "retry-after": "1" },
      cause: unchecked,
    });
  }
  const invalid = failures.filter((failure) => failure instanceof InvalidCredentials);
  const refusal = invalid.findLast((failure) => failure.refusal)?.refusal;
  if (refusal && refusal.status !== 401) {
    const kind = refusal.status === 403 ? "forbidden" : "unauthorized";
    return new GatewayError(kind, "the credentials were refused", refusal);
  }
  const challenges = ways.flatMap((way, index) => {
    const failure = failures[index];
    return way.challenge(failure instanceof InvalidCredentials ? failure : undefined) ?? [];
  });
  const reasons = invalid.map(({ message }) => message);
  return new GatewayError(
    "unauthorized",
    reasons.length > 0 ? reasons.join("; ") : "this route requires credentials",
    { headers: challenges.length > 0 ? { "www-authenticate": challenges.join(", ") } : {} },
  );
}
