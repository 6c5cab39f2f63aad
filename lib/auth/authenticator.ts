import type { Context } from "../core/source.ts";
import type { InvalidCredentials } from "./auth_error.ts";
import type { Identity } from "./identity.ts";

/** One way to authenticate, ready for use. */
export interface Authenticator {
  /** The client's headers with the credentials that it reads, in lower case. */
  readonly headers: readonly string[];
  /**
   * Returns who sends a request; undefined if the request has no credentials of this kind.
   * @throws {InvalidCredentials} for credentials that are not valid
   * @throws {CannotCheck} when they cannot be checked now
   */
  authenticate(
    headers: Headers,
    ctx: Context,
  ): Identity | undefined | Promise<Identity | undefined>;
  /**
   * Returns the challenge of a 401 (RFC 9110 section 11.6.1); undefined if it has none.
   * @param error why the credentials were refused; absent if there were none
   */
  challenge(error?: InvalidCredentials): string | undefined;
}
