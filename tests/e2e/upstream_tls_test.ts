import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { createServer } from "node:https";
import { CERTIFICATES } from "../support/certificates.ts";
import { startProgram, until } from "../support/program.ts";
import { ask } from "../support/responses.ts";

const { ca, good, other, clientCa, client, unknown, key } = CERTIFICATES;
const OWN = { cert: "./client.pem", key: { env: "CLIENT_KEY" } };

/** Starts a server on loopback. Those of Node share TLS sessions with each other, which hides names. */
function startPlain(cert: string, closing: AsyncDisposableStack): string {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", cert, key, onListen() {} },
    ({ headers }) => Response.json({ host: headers.get("host") }),
  );
  closing.defer(() => server.shutdown());
  return `https://localhost:${server.addr.port}`;
}

/** Starts a server on loopback that wants a certificate of its clients. */
async function startMutual(closing: AsyncDisposableStack): Promise<string> {
  const server = createServer(
    { cert: good, key, ca: [clientCa], requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ host: request.headers.host }));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.defer(() =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    })
  );
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("it does not listen");
  return `https://localhost:${address.port}`;
}

for (const transport of ["socket", "fetch"] as const) {
  Deno.test(`${transport}: private CAs, mutual TLS, and what each failure is called`, async () => {
    await using servers = new AsyncDisposableStack();
    const mutual = await startMutual(servers);
    const plain = startPlain(good, servers);
    const named = startPlain(other, servers);
    const isSocket = transport === "socket";
    // In this order, so that a connection of the first would be there for the others.
    const upstreams = {
      accepted: { url: mutual, tls: { ca: "./ca.pem", ...OWN } },
      anonymous: { url: mutual, tls: { ca: "./ca.pem" } },
      trusted: { url: plain, tls: { ca: "./ca.pem" } },
      untrusted: { url: plain },
      misnamed: { url: named, tls: { ca: "./ca.pem" } },
      ...isSocket &&
        { named: { url: named, tls: { ca: "./ca.pem", serverName: "other.example" } } },
    };
    const causes: Readonly<Record<string, RegExp>> = {
      // fetch reports what it meets first: the alert, the end of the connection, or its own failed write.
      anonymous: isSocket ? /client-certificate/ : /client-certificate|closed|reset|\btls\b/,
      untrusted: /certificate-unknown/,
      misnamed: /certificate-name/,
    };
    const names = Object.keys(upstreams);
    await using program = await startProgram({
      config: {
        store: ":memory:",
        upstreams: Object.fromEntries(
          Object.entries(upstreams).map(([name, upstream]) => [name, { ...upstream, transport }]),
        ),
        routes: Object.fromEntries(
          names.map((name) => [`GET /${name}`, { gather: { it: { from: name, path: "/" } } }]),
        ),
      },
      files: { "ca.pem": ca, "client.pem": client },
      env: { CLIENT_KEY: key },
    });
    for (const name of names) {
      const response = await ask(`${program.url}/${name}`);
      const text = await response.text();
      const cause = causes[name];
      assertEquals(response.status, cause ? 502 : 200, `${name}: ${text}`);
      if (!cause) continue;
      const line = () => program.errors.find(({ upstream }) => upstream === name);
      await until(() => line() !== undefined, "the log says why");
      assertMatch(String(line()?.message), cause);
    }
    assertNotMatch(program.output, /PRIVATE|BEGIN/);
  });
}

Deno.test("socket: a certificate that the upstream's authority has not signed is refused", async () => {
  await using servers = new AsyncDisposableStack();
  const url = await startMutual(servers);
  await using program = await startProgram({
    config: {
      store: ":memory:",
      upstreams: { it: { url, tls: { ca: "./ca.pem", ...OWN } } },
      routes: { "GET /": { gather: { it: { from: "it", path: "/" } } } },
    },
    files: { "ca.pem": ca, "client.pem": unknown },
    env: { CLIENT_KEY: key },
  });
  const response = await ask(program.url);
  assertEquals(response.status, 502);
  await response.body?.cancel();
});
