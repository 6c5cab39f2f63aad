import { nodeCrypto } from "../core/node_crypto.ts";
import { keyHash } from "./client_directory.ts";
import type { OperatorIdentity, OperatorToken } from "./operator_token.ts";

const ENCODER = new TextEncoder();

/** The tokens for the operator's routes. */
export class OperatorTokens {
  readonly #known: readonly (readonly [hash: Uint8Array, identity: OperatorIdentity])[];

  constructor(tokens: readonly OperatorToken[]) {
    this.#known = tokens.map(({ token, name, role }) => [hashOf(token), { name, role }]);
  }

  /** Returns whose token it is; it takes the same time for every text. */
  identify(shown: string): OperatorIdentity | undefined {
    const hash = hashOf(shown);
    let found: OperatorIdentity | undefined;
    for (const [known, identity] of this.#known) {
      if (nodeCrypto().timingSafeEqual(known, hash)) found = identity;
    }
    return found;
  }
}

function hashOf(token: string): Uint8Array {
  return ENCODER.encode(keyHash(token));
}
