import { assertEquals, assertThrows } from "@std/assert";
import { exportSPKI, generateKeyPair } from "jose";
import { ConfigError } from "../../../lib/config/config_error.ts";
import { parseConfig } from "../../../lib/config/parse.ts";
import { loadConditions } from "../../../lib/expression/condition.ts";
import { assertSchemaRejects } from "../../support/config_schema.ts";

await loadConditions();

const ISSUER = "https://id.example/";
const JWT = { issuer: ISSUER, audience: "api" };
const EXTERNAL = { url: "http://127.0.0.1:9100/check", headers: ["cookie"] };
const AUDIENCES = "must be an audience, a list of audiences, or false";

const ENV: Readonly<Record<string, string>> = {
  SHORT: "0123456789012345678901234567890",
  SECRET: "01234567890123456789012345678901",
  PEM: await exportSPKI((await generateKeyPair("RS256")).publicKey),
  CERTIFICATE: "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----",
};

function parse(config: Record<string, unknown>) {
  return parseConfig({ upstreams: {}, routes: {}, ...config }, (name) => ENV[name]);
}

function problems(config: Record<string, unknown>): string {
  return assertThrows(() => parse(config), ConfigError).message;
}

const AUTHS: [what: string, auth: unknown, message: string][] = [
  ["a list", [], "auth: must be an object of ways to authenticate by name; got []"],
  ["no way", { a: {} }, "auth.a: must have exactly one of jwt, key and external"],
  [
    "two ways in one",
    { a: { jwt: JWT, key: "bearer" } },
    "auth.a: must have exactly one of jwt, key and external",
  ],
  ["no issuer", { a: { jwt: { audience: "api" } } }, "auth.a.jwt.issuer: is required"],
  ["no audience", { a: { jwt: { issuer: ISSUER } } }, "auth.a.jwt.audience: is required"],
  [
    "an audience for all",
    { a: { jwt: { ...JWT, audience: [] } } },
    `auth.a.jwt.audience: ${AUDIENCES}; got []`,
  ],
  [
    "an issuer that cannot be discovered",
    { a: { jwt: { ...JWT, issuer: "joe" } } },
    'auth.a.jwt.issuer: must be an https:// URL unless jwks or key is set; got "joe"',
  ],
  [
    "two kinds of keys",
    { a: { jwt: { ...JWT, key: { env: "SECRET" }, jwks: "https://id.example/keys" } } },
    "auth.a.jwt.key: must not be set together with jwks",
  ],
  [
    "a key that is not set",
    { a: { jwt: { ...JWT, key: { env: "UNSET" } } } },
    "auth.a.jwt.key.env: the environment variable UNSET is not set",
  ],
  [
    "a short secret",
    { a: { jwt: { ...JWT, key: { env: "SHORT" } } } },
    "auth.a.jwt.key.env: the value of SHORT must be a public key in PEM, or a secret of at least 32 bytes",
  ],
  [
    "a certificate",
    { a: { jwt: { ...JWT, key: { env: "CERTIFICATE" } } } },
    "auth.a.jwt.key.env: the value of CERTIFICATE must be a public key (BEGIN PUBLIC KEY)",
  ],
  [
    "algorithm none",
    { a: { jwt: { ...JWT, algorithms: ["none"] } } },
    "auth.a.jwt.algorithms.0: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, " +
    'ES384, ES512, EdDSA, Ed25519, HS256, HS384, HS512; got "none"',
  ],
  [
    "an HMAC with a public key",
    { a: { jwt: { ...JWT, key: { env: "PEM" }, algorithms: ["RS256", "HS256"] } } },
    "auth.a.jwt.algorithms: must be an algorithm for public keys: with one for secrets, the public " +
    'key would be the secret; got "HS256"',
  ],
  [
    "an HMAC with published keys",
    { a: { jwt: { ...JWT, algorithms: ["HS256"] } } },
    "auth.a.jwt.algorithms: must be an algorithm for public keys: with one for secrets, the public " +
    'key would be the secret; got "HS256"',
  ],
  [
    "a public key's algorithm with a secret",
    { a: { jwt: { ...JWT, key: { env: "SECRET" }, algorithms: ["RS256"] } } },
    'auth.a.jwt.algorithms: must be HS256, HS384 or HS512, because the key is a secret; got "RS256"',
  ],
  [
    "a service without headers",
    { a: { external: { ...EXTERNAL, headers: [] } } },
    "auth.a.external.headers: must be a list of headers; got []",
  ],
  [
    "a misspelt key",
    { a: { external: { ...EXTERNAL, chache: "1s" } } },
    'auth.a.external.chache: is not a known key; did you mean "cache"?',
  ],
];

for (const [what, auth, message] of AUTHS) {
  Deno.test(`auth: ${what}`, () => {
    assertEquals(problems({ auth }), message);
    assertSchemaRejects({ upstreams: {}, routes: {}, auth }, message);
  });
}

const part = { it: { from: "up" } };
const ROUTES: [what: string, route: unknown, message: string][] = [
  [
    "a way that nobody named",
    { auth: "user", gather: part },
    'routes["GET /a"].auth: must be the name of a way to authenticate; got "user"; did you mean "users"?',
  ],
  [
    "no way in a list",
    { auth: [], gather: part },
    'routes["GET /a"].auth: must be the name of a way to authenticate, or a list of names; got []',
  ],
  [
    "a way twice",
    { auth: ["users", "users"], gather: part },
    'routes["GET /a"].auth: must not name a way to authenticate twice; got "users"',
  ],
  [
    "claims without authentication",
    { gather: { it: { from: "up", path: "/{claims.sub}" } } },
    'routes["GET /a"].gather.it: "{claims.sub}" must only be used together with an auth that has claims',
  ],
  [
    "claims of keys",
    { auth: "partners", gather: { it: { from: "up", path: "/{claims.sub}" } } },
    'routes["GET /a"].gather.it: "{claims.sub}" must only be used together with an auth that has claims',
  ],
  [
    "a condition that is none",
    { auth: "users", require: "claims.a &&", gather: part },
    'routes["GET /a"].require: must be a CEL expression: Unexpected token: EOF; got "claims.a &&"',
  ],
  [
    "a rest that no * matches",
    { forward: { to: "up", path: "/x/{rest}" } },
    'routes["GET /a"].forward.path: "{rest}" must only be used in a route whose path ends with *',
  ],
  [
    "a body in a header",
    { forward: { to: "up", request: { set: { "x-a": "{body.a}" } } } },
    'routes["GET /a"].forward.request: "{body.a}" must be a parameter, or of query, header or claims',
  ],
  [
    "an unknown parameter in a path",
    { forward: { to: "up", path: "/{id}" } },
    'routes["GET /a"].forward.path: "{id}" must be a parameter of /a',
  ],
  [
    "a path beside strip",
    { forward: { to: "up", path: "/x", strip: "/a" } },
    'routes["GET /a"].forward.path: must not be set together with strip',
  ],
  [
    "credentials to pass that nobody reads",
    { forward: { to: "up", passCredentials: true } },
    'routes["GET /a"].forward.passCredentials: must only be set together with auth',
  ],
];

for (const [what, route, message] of ROUTES) {
  Deno.test(`auth of a route: ${what}`, () => {
    const config = {
      upstreams: { up: { url: "http://127.0.0.1:9001" } },
      auth: { users: { jwt: JWT }, partners: { key: "bearer" } },
      routes: { "GET /a": route },
    };
    assertEquals(problems(config), message);
    assertSchemaRejects(config, message);
  });
}

Deno.test("auth: algorithms follow the key", () => {
  const algorithmsOf = (jwt: Record<string, unknown>) => {
    const [auth] = parse({ auth: { a: { jwt: { ...JWT, ...jwt } } } }).auth;
    return auth?.kind === "jwt" ? auth.rules.algorithms : [];
  };
  assertEquals(algorithmsOf({ key: { env: "SECRET" } }), ["HS256", "HS384", "HS512"]);
  for (const jwt of [{}, { jwks: "https://id.example/keys" }, { key: { env: "PEM" } }]) {
    assertEquals(algorithmsOf(jwt).filter((name) => name.startsWith("HS")), []);
  }
});
