/** How a service refused a client, for the response to it. */
export interface Refusal {
  /** 401, 403, or a redirect. */
  readonly status: number;
  /** Its headers that belong to the refusal: `WWW-Authenticate`, `Location`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Credentials that were sent and are not valid. Its message is safe to show to any client. */
export class InvalidCredentials extends Error {
  /** The name in a stack trace. */
  override readonly name = "InvalidCredentials";
  /** How a service refused them; undefined if the gateway did. */
  readonly refusal: Refusal | undefined;

  /** @param message what is wrong with them, safe to show to any client */
  constructor(message: string, options: { cause?: unknown; refusal?: Refusal } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.refusal = options.refusal;
  }
}

/** Credentials that cannot be checked now, such as a token whose issuer's keys cannot be fetched. */
export class CannotCheck extends Error {
  /** The name in a stack trace. */
  override readonly name = "CannotCheck";
}
