import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { ASYMMETRIC } from "../lib/auth/algorithms.ts";
import { jwtAuth } from "../lib/auth/jwt_auth.ts";
import { JwtVerifier } from "../lib/auth/jwt_verifier.ts";
import { KeySet } from "../lib/auth/key_set.ts";
import { systemClock as clock } from "../lib/core/clock.ts";
import { FieldList } from "../lib/core/field_list.ts";
import { testContext } from "../tests/support/context.ts";

/** What a token costs: one that is sent again, and one that must be verified. */

const ISSUER = "https://id.example/";

for (const algorithm of ["ES256", "RS256", "EdDSA"]) {
  const { privateKey, publicKey } = await generateKeyPair(algorithm);
  const keys = { keys: [{ ...await exportJWK(publicKey), kid: "1", alg: algorithm }] };
  const published = new KeySet({
    fetch: () => Promise.resolve({ document: keys, freshMs: undefined }),
    clock,
    onChange: () => {},
    onError: (error) => {
      throw error;
    },
  });
  const rules = { issuer: ISSUER, audience: ["api"], algorithms: ASYMMETRIC, toleranceMs: 0 };
  const verifier = new JwtVerifier(rules, { published }, clock);
  const auth = jwtAuth("users", verifier, { name: "sub", tier: undefined });
  const token = await new SignJWT({ iss: ISSUER, aud: "api", sub: "ada", scope: "read write" })
    .setProtectedHeader({ alg: algorithm, kid: "1" })
    .setExpirationTime("1h").sign(privateKey);
  const headers = FieldList.of({ accept: "*/*", authorization: `Bearer ${token}` });
  const ctx = testContext();
  await auth.authenticate(headers, ctx);

  Deno.bench(
    `${algorithm}: a token that is sent again`,
    { group: algorithm, baseline: true },
    () => {
      auth.authenticate(headers, ctx);
    },
  );
  Deno.bench(`${algorithm}: a token that must be verified`, { group: algorithm }, async () => {
    verifier.forget();
    await auth.authenticate(headers, ctx);
  });
}
