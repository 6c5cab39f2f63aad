/** What an operator may do: look at everything, or also change it. */
export type OperatorRole = "read" | "operate";

/** Who an operator is. */
export interface OperatorIdentity {
  /** The name of the token, which the audit log shows. */
  readonly name: string;
  /** What it may do. */
  readonly role: OperatorRole;
}

/** A token for the operator's routes. */
export interface OperatorToken extends OperatorIdentity {
  /** The secret itself. */
  readonly token: string;
}
