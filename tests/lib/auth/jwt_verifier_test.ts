import { assertEquals, assertRejects } from "@std/assert";
import {
  base64url,
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
} from "jose";
import { CannotCheck, InvalidCredentials } from "../../../lib/auth/auth_error.ts";
import { ASYMMETRIC, SYMMETRIC } from "../../../lib/auth/algorithms.ts";
import { type JwtRules, JwtVerifier } from "../../../lib/auth/jwt_verifier.ts";
import { type FetchedKeys, KeySet } from "../../../lib/auth/key_set.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const NOW = Date.UTC(2026, 0, 1);
const ISSUER = "https://id.example/";
const RULES: JwtRules = {
  issuer: ISSUER,
  audience: ["api"],
  algorithms: ASYMMETRIC,
  toleranceMs: 0,
};

const ec = await generateKeyPair("ES256", { extractable: true });
const other = await generateKeyPair("ES256", { extractable: true });
const rsa = await generateKeyPair("RS256", { extractable: true });
const ecJwk = await jwkOf(ec.publicKey, "ec");
const rsaJwk = await jwkOf(rsa.publicKey, "rsa");

async function jwkOf(key: CryptoKey, kid: string): Promise<JWK> {
  return { ...await exportJWK(key), kid, use: "sig" };
}

/** An issuer whose keys a test changes, and how often they were fetched. */
class Issuer {
  keys: JWK[] = [ecJwk, rsaJwk];
  freshMs: number | undefined;
  isDown = false;
  fetches = 0;

  fetch = (): Promise<FetchedKeys> => {
    this.fetches++;
    if (this.isDown) return Promise.reject(new Error("refused"));
    return Promise.resolve({ document: { keys: this.keys }, freshMs: this.freshMs });
  };
}

function verifierOf(issuer = new Issuer(), clock = new ManualClock(NOW), rules = RULES) {
  const keys = new KeySet({
    fetch: issuer.fetch,
    clock,
    onChange: () => verifier.forget(),
    onError: () => {},
  });
  const verifier = new JwtVerifier(rules, { published: keys }, clock);
  return verifier;
}

/** Why a token is refused, once it need not wait for newer keys. */
async function refusal(verifier: JwtVerifier, text: string, clock: ManualClock): Promise<string> {
  let isOver = false;
  const refused = assertRejects(async () => await verifier.verify(text), InvalidCredentials)
    .finally(() => isOver = true);
  // Signatures are verified in threads of the platform, which no clock of ours moves.
  while (!isOver) {
    await new Promise((resolve) => setTimeout(resolve));
    await clock.advance(100);
  }
  return (await refused).message;
}

/** A token that is valid unless the test changes it. */
function token({ header = {}, claims = {}, key = ec.privateKey }: {
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  key?: CryptoKey | Uint8Array;
} = {}): Promise<string> {
  const payload = { iss: ISSUER, aud: "api", sub: "ada", exp: NOW / 1000 + 60, ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid: "ec", ...header }).sign(key);
}

/** A token made by hand, as no library makes it. */
function raw(header: string, payload: string, signature = ""): string {
  const encode = (text: string) => base64url.encode(text);
  return `${encode(header)}.${encode(payload)}.${signature}`;
}

const payload = `{"iss":"${ISSUER}","aud":"api","sub":"ada","exp":${NOW / 1000 + 60}}`;

async function signedRaw(header: string, payload: string): Promise<string> {
  const input = raw(header, payload).slice(0, -1);
  const signature = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    ec.privateKey,
    new TextEncoder().encode(input),
  );
  return `${input}.${base64url.encode(new Uint8Array(signature))}`;
}

const publicPem = new TextEncoder().encode(await exportSPKI(rsa.publicKey));
const header = '{"alg":"ES256","kid":"ec"}';

const REFUSED: Readonly<Record<string, string | Promise<string>>> = {
  "algorithm none": raw('{"alg":"none"}', payload),
  "algorithm None": raw('{"alg":"None"}', payload),
  "an empty signature": raw(header, payload),
  "a signature cut off": token().then((text) => text.slice(0, -8)),
  "HMAC with the RSA public key as its secret": token({
    header: { alg: "HS256", kid: "rsa" },
    key: publicPem,
  }),
  "RSA's key named by an ES256 token": token({ header: { kid: "rsa" } }),
  "another key of the same kind": token({ key: other.privateKey }),
  "a key in the header (jwk)": token({
    header: { jwk: await exportJWK(other.publicKey), kid: "other" },
    key: other.privateKey,
  }),
  "a key's address in the header (jku)": token({
    header: { jku: "http://127.0.0.1:1/keys", kid: "other" },
    key: other.privateKey,
  }),
  "a certificate's address in the header (x5u)": token({
    header: { x5u: "http://127.0.0.1:1/cert", kid: "other" },
    key: other.privateKey,
  }),
  "a kid that is a path": token({ header: { kid: "../../dev/null" } }),
  "a kid that is a query": token({ header: { kid: "' UNION SELECT 'secret" } }),
  "an extension that must be understood (crit)": signedRaw(
    '{"alg":"ES256","kid":"ec","crit":["x"],"x":1}',
    payload,
  ),
  "an unencoded payload (b64)": signedRaw(
    '{"alg":"ES256","kid":"ec","crit":["b64"],"b64":false}',
    payload,
  ),
  "a nested token": token({ header: { cty: "JWT" } }),
  "expired by a second": token({ claims: { exp: NOW / 1000 - 1 } }),
  "expired at this moment": token({ claims: { exp: NOW / 1000 } }),
  "without expiry": token({ claims: { exp: undefined } }),
  "an expiry that is a text": signedRaw(header, payload.replace(/"exp":\d+/, '"exp":"2999"')),
  "not valid before a second from now": token({ claims: { nbf: NOW / 1000 + 1 } }),
  "issued in the future": token({ claims: { iat: NOW / 1000 + 1 } }),
  "another issuer": token({ claims: { iss: "https://evil.example/" } }),
  "an issuer with a longer name": token({ claims: { iss: `${ISSUER}x` } }),
  "no issuer": token({ claims: { iss: undefined } }),
  "another audience": token({ claims: { aud: "admin" } }),
  "a list of other audiences": token({ claims: { aud: ["admin", "apis"] } }),
  "no audience": token({ claims: { aud: undefined } }),
  "a repeated claim": signedRaw(header, payload.replace("{", '{"sub":"root",')),
  "a repeated claim, once escaped": signedRaw(header, payload.replace("{", '{"s\\u0075b":"root",')),
  "a repeated header": signedRaw('{"alg":"ES256","kid":"ec","alg":"ES256"}', payload),
  "claims that are a list": signedRaw(header, "[]"),
  "claims that are no JSON": signedRaw(header, "{"),
  "a megabyte": token({ claims: { pad: "x".repeat(1_000_000) } }),
  "two parts": "e30.e30",
  "five parts, as encrypted ones have": "e30.e30.e30.e30.e30",
  "nothing but dots": "..",
};

await Promise.all(Object.values(REFUSED));

for (const [name, made] of Object.entries(REFUSED)) {
  Deno.test(`JWT: refused: ${name}`, async () => {
    const text = await made;
    const clock = new ManualClock(NOW);
    const verifier = verifierOf(undefined, clock);
    for (let round = 0; round < 2; round++) await refusal(verifier, text, clock);
  });
}

Deno.test("JWT: the reason names neither keys nor what would be accepted", async () => {
  const refuse = async (made: string | Promise<string>) => {
    const clock = new ManualClock(NOW);
    return await refusal(verifierOf(undefined, clock), await made, clock);
  };
  assertEquals(await refuse(token({ claims: { exp: 1 } })), "the token has expired");
  assertEquals(
    await refuse(token({ claims: { aud: "x" } })),
    "the token's aud is not what this gateway accepts",
  );
  assertEquals(
    await refuse(raw('{"alg":"none"}', payload)),
    "the token's algorithm is not allowed",
  );
  assertEquals(await refuse(token({ header: { kid: "x" } })), "the token's key is not known");
});

const ACCEPTED = {
  "ES256": token(),
  "RS256": token({ header: { alg: "RS256", kid: "rsa" }, key: rsa.privateKey }),
  "without a kid, where several keys could be meant": token({ header: { kid: undefined } }),
  "one of several audiences": token({ claims: { aud: ["web", "api"] } }),
  "an access token (RFC 9068)": token({ header: { typ: "at+jwt" } }),
};
await Promise.all(Object.values(ACCEPTED));

for (const [name, made] of Object.entries(ACCEPTED)) {
  Deno.test(`JWT: accepted: ${name}`, async () => {
    const second = await jwkOf(other.publicKey, "second");
    const issuer = new Issuer();
    issuer.keys.push(second);
    assertEquals((await verifierOf(issuer).verify(await made)).sub, "ada");
  });
}

Deno.test("JWT: the tolerance is for both ends", async () => {
  const tolerant = { ...RULES, toleranceMs: 30_000 };
  const verify = async (claims: Record<string, unknown>) =>
    await verifierOf(undefined, undefined, tolerant).verify(await token({ claims }));
  await verify({ exp: NOW / 1000 - 29 });
  await verify({ nbf: NOW / 1000 + 29, iat: NOW / 1000 + 29 });
  await assertRejects(() => verify({ exp: NOW / 1000 - 30 }), InvalidCredentials);
  await assertRejects(() => verify({ nbf: NOW / 1000 + 31 }), InvalidCredentials);
});

Deno.test("JWT: a verified token is remembered until it expires, to the millisecond", async () => {
  const clock = new ManualClock(NOW);
  const verifier = verifierOf(undefined, clock);
  const text = await token();
  await verifier.verify(text);
  await clock.advance(59_999);
  assertEquals(verifier.verify(text) instanceof Promise, false);
  await clock.advance(1);
  await assertRejects(async () => await verifier.verify(text), InvalidCredentials);
});

Deno.test("JWT: a token that is verified while the keys change is not remembered", async () => {
  const verifier = verifierOf();
  const text = await token();
  const claims = verifier.verify(text);
  verifier.forget();
  assertEquals((await claims).sub, "ada");
  const again = verifier.verify(text);
  assertEquals(again instanceof Promise, true);
  await again;
});

Deno.test("JWT: a set of keys is fetched once, whoever asks at the same time", async () => {
  const issuer = new Issuer();
  const verifier = verifierOf(issuer);
  const tokens = await Promise.all(
    Array.from({ length: 50 }, (_, n) => token({ claims: { n } })),
  );
  await Promise.all(tokens.map((text) => verifier.verify(text)));
  assertEquals(issuer.fetches, 1);
});

Deno.test("JWT: 10,000 tokens with invented keys cause one fetch in five seconds", async () => {
  const issuer = new Issuer();
  const clock = new ManualClock(NOW);
  const verifier = verifierOf(issuer, clock);
  await verifier.verify(await token());
  let refused = 0;
  const rounds = Array.from({ length: 10_000 }, async (_, n) => {
    const text = raw(`{"alg":"ES256","kid":"invented-${n}"}`, payload, "AAAA");
    await assertRejects(async () => await verifier.verify(text), InvalidCredentials);
    refused++;
  });
  while (refused < 9_000) await new Promise((resolve) => setTimeout(resolve));
  await clock.advance(4_999);
  assertEquals([refused, issuer.fetches], [9_000, 1], "a thousand wait");
  await clock.advance(1);
  await Promise.all(rounds);
  assertEquals(issuer.fetches, 2);
});

Deno.test("JWT: a token with a new key waits for the next fetch", async () => {
  const issuer = new Issuer();
  const clock = new ManualClock(NOW);
  const verifier = verifierOf(issuer, clock);
  await verifier.verify(await token());
  issuer.keys.push(await jwkOf(other.publicKey, "new"));
  const fresh = token({ header: { kid: "new" }, key: other.privateKey });
  const claims = verifier.verify(await fresh);
  while (issuer.fetches < 2) {
    await new Promise((resolve) => setTimeout(resolve));
    await clock.advance(100);
  }
  assertEquals((await claims).sub, "ada");
});

Deno.test("JWT: keys that came while a token was verified with the old ones count at once", async () => {
  const issuer = new Issuer();
  const clock = new ManualClock(NOW);
  const keys = new KeySet({
    fetch: issuer.fetch,
    clock,
    onChange: () => {},
    onError: () => {},
  });
  const old = await keys.get();
  await clock.advance(5_000);
  issuer.keys = [await jwkOf(other.publicKey, "new")];
  assertEquals(await keys.look(old), true);
  // Another token that failed with the old keys must not wait for the next fetch.
  assertEquals(await keys.look(old), true);
  assertEquals(issuer.fetches, 2);
});

Deno.test("JWT: rotation: a new key counts at once, a removed one no longer", async () => {
  const issuer = new Issuer();
  const clock = new ManualClock(NOW);
  const verifier = verifierOf(issuer, clock);
  const old = await token();
  await verifier.verify(old);
  await clock.advance(10_000);
  issuer.keys = [await jwkOf(other.publicKey, "new")];
  const fresh = await token({ header: { kid: "new" }, key: other.privateKey });
  assertEquals((await verifier.verify(fresh)).sub, "ada");
  assertEquals(await refusal(verifier, old, clock), "the token's key is not known");
});

Deno.test("JWT: while the issuer is down its keys are used for an hour more", async () => {
  const issuer = new Issuer();
  issuer.freshMs = 120_000;
  const clock = new ManualClock(NOW);
  const verifier = verifierOf(issuer, clock);
  const claims = { exp: NOW / 1000 + 100_000 };
  await verifier.verify(await token({ claims }));
  issuer.isDown = true;
  await clock.advance(120_000 + 3_599_000);
  await verifier.verify(await token({ claims: { ...claims, n: 1 } }));
  await clock.advance(2_000);
  const late = await token({ claims: { ...claims, n: 2 } });
  await assertRejects(async () => await verifier.verify(late), CannotCheck);
  issuer.isDown = false;
  await clock.advance(10_000);
  assertEquals((await verifier.verify(late)).sub, "ada");
});

Deno.test("JWT: an issuer that is down from the start is asked again and again, not at once", async () => {
  const issuer = new Issuer();
  issuer.isDown = true;
  const clock = new ManualClock(NOW);
  const verifier = verifierOf(issuer, clock);
  const text = await token();
  for (let n = 0; n < 100; n++) {
    await assertRejects(async () => await verifier.verify(text), CannotCheck);
  }
  assertEquals(issuer.fetches, 1);
});

Deno.test("JWT: shared secrets in a published set of keys are ignored", async () => {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const issuer = new Issuer();
  issuer.keys = [{ kty: "oct", k: base64url.encode(secret), kid: "secret", alg: "HS256" }];
  const rules = { ...RULES, algorithms: [...ASYMMETRIC, ...SYMMETRIC] };
  const text = await token({ header: { alg: "HS256", kid: "secret" }, key: secret });
  const verifier = verifierOf(issuer, undefined, rules);
  await assertRejects(async () => await verifier.verify(text), InvalidCredentials);
});

/** The examples of RFC 7515, appendix A.1 to A.3; their payload is that of RFC 7519, section 3.1. */
const EXAMPLE = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19" +
  "yb290Ijp0cnVlfQ";
const EXAMPLES: Readonly<Record<string, { token: string; key: JWK; algorithm: string }>> = {
  "A.1, HS256": {
    algorithm: "HS256",
    token: `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${EXAMPLE}.` +
      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    key: {
      kty: "oct",
      k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    },
  },
  "A.3, ES256": {
    algorithm: "ES256",
    token: `eyJhbGciOiJFUzI1NiJ9.${EXAMPLE}.` +
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    key: {
      kty: "EC",
      crv: "P-256",
      x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    },
  },
};

for (const [name, { token, key, algorithm }] of Object.entries(EXAMPLES)) {
  Deno.test(`JWT: the example of RFC 7515, ${name}`, async () => {
    const rules = { issuer: "joe", audience: [], algorithms: [algorithm], toleranceMs: 0 };
    const keys = { fixed: () => importJWK(key, algorithm) };
    const verify = async (now: number) =>
      await new JwtVerifier(rules, keys, new ManualClock(now)).verify(token);
    assertEquals((await verify(1_300_819_379_999))["http://example.com/is_root"], true);
    await assertRejects(() => verify(1_300_819_380_000), InvalidCredentials);
  });
}
