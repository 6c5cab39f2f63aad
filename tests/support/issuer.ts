import { CompactSign, exportJWK, generateKeyPair, type JWK } from "jose";
import { startUpstream, type TestUpstream } from "./upstream.ts";

/** An issuer of tokens, which serves its keys on a port of its own. */
export interface TestIssuer extends AsyncDisposable {
  readonly url: string;
  /** The headers of the requests for its documents, as JSON. */
  readonly seen: readonly string[];
  /** While true, it answers 503. */
  isDown: boolean;
  /** Replaces its key: tokens that are signed from now on have another one. */
  rotate(): Promise<void>;
  /** Signs a token that is valid for an hour, for the audience `api`, unless the claims differ. */
  sign(claims?: Readonly<Record<string, unknown>>): Promise<string>;
}

/** Starts an issuer with one key. */
export async function startIssuer(): Promise<TestIssuer> {
  let current = await keyPair(1);
  let isDown = false;
  let count = 1;
  const seen: string[] = [];
  const server: TestUpstream = startUpstream((request) => {
    seen.push(JSON.stringify([...request.headers]));
    if (isDown) return new Response("down", { status: 503 });
    const document = new URL(request.url).pathname === "/jwks"
      ? { keys: [current.jwk] }
      : { issuer: server.url, jwks_uri: `${server.url}/jwks` };
    return Response.json(document, { headers: { "cache-control": "max-age=60" } });
  });
  return {
    url: server.url,
    seen,
    get isDown() {
      return isDown;
    },
    set isDown(value) {
      isDown = value;
    },
    async rotate() {
      current = await keyPair(++count);
    },
    sign(claims = {}) {
      const now = Math.floor(Date.now() / 1000);
      const payload = { iss: server.url, aud: "api", exp: now + 3600, ...claims };
      return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg: "ES256", kid: current.kid }).sign(current.privateKey);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function keyPair(count: number) {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const kid = `key-${count}`;
  const jwk: JWK = { ...await exportJWK(publicKey), kid };
  return { privateKey, kid, jwk };
}
