/** Signatures with a key pair: who can verify a token cannot make one (RFC 7518, RFC 8037). */
export const ASYMMETRIC = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const,
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const,
] as const;

/** Signatures with a secret that issuer and gateway share. */
export const SYMMETRIC = ["HS256", "HS384", "HS512"] as const;

/** A signature algorithm. */
export type Algorithm = typeof ASYMMETRIC[number] | typeof SYMMETRIC[number];
