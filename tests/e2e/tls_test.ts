import { assertEquals, assertMatch } from "@std/assert";
import { CERTIFICATES } from "../support/certificates.ts";
import { startProgram, until } from "../support/program.ts";
import { ask } from "../support/responses.ts";
import { SELF_SIGNED } from "../support/self_signed.ts";

const { ca, key } = CERTIFICATES;

/** Upstreams by name, and what the log says of each. */
const UPSTREAMS = {
  good: { cert: CERTIFICATES.good, key, log: undefined },
  expired: {
    cert: CERTIFICATES.expired,
    key,
    log: /^certificate-expired \(1 call\): .*[Ee]xpired/,
  },
  other: {
    cert: CERTIFICATES.other,
    key,
    log: /^certificate-name \(1 call\): .*not valid for name/,
  },
  unknown: {
    cert: CERTIFICATES.unknown,
    key,
    log: /^certificate-unknown \(1 call\): .*UnknownIssuer/,
  },
  selfSigned: { ...SELF_SIGNED, log: /^certificate \(1 call\): .*CaUsedAsEndEntity/ },
} as const;

for (const transport of ["socket", "fetch"] as const) {
  Deno.test(`${transport}: upstreams are called over TLS if their certificate is valid`, async () => {
    await using servers = new AsyncDisposableStack();
    const upstreams: Record<string, unknown> = {};
    const routes: Record<string, unknown> = {};
    for (const [name, { cert, key }] of Object.entries(UPSTREAMS)) {
      const server = Deno.serve(
        { port: 0, hostname: "127.0.0.1", cert, key, onListen() {} },
        ({ url }) => Response.json({ scheme: new URL(url).protocol }),
      );
      servers.defer(() => server.shutdown());
      const url = `https://localhost:${server.addr.port}`;
      upstreams[name] = { url, transport, timeout: "5s" };
      routes[`GET /${name}`] = { gather: { it: { from: name, path: "/" } } };
    }
    await using program = await startProgram({
      config: { upstreams, routes },
      files: { "ca.pem": ca },
      env: { DENO_CERT: "ca.pem" },
    });
    for (const [name, { log }] of Object.entries(UPSTREAMS)) {
      for (let call = 0; call < 2; call++) {
        const response = await ask(`${program.url}/${name}`);
        const text = await response.text();
        assertEquals(response.status, log ? 502 : 200, text);
        if (!log) assertEquals(JSON.parse(text).data, { it: { scheme: "https:" } });
        else assertMatch(response.headers.get("proxy-status") ?? "", /error=tls_certificate_error/);
      }
      if (!log) continue;
      const said = () => {
        const { message } = program.errors.find(({ upstream }) => upstream === name) ?? {};
        return String(message ?? "").split(`upstream ${name}: `)[1];
      };
      await until(() => said() !== undefined, "the log says why");
      assertMatch(said() ?? "", log);
    }
  });
}

Deno.test("socket: an upstream is offered HTTP/1.1 alone", async () => {
  const listener = Deno.listenTls({
    port: 0,
    hostname: "127.0.0.1",
    cert: CERTIFICATES.good,
    key,
    alpnProtocols: ["h2", "http/1.1"],
  });
  const offered = (async () => {
    using connection = await listener.accept();
    const { alpnProtocol } = await connection.handshake();
    await connection.read(new Uint8Array(10_000));
    const bytes = new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
    await connection.write(bytes);
    return alpnProtocol;
  })();
  await using program = await startProgram({
    config: {
      upstreams: { it: { url: `https://localhost:${listener.addr.port}` } },
      routes: { "GET /": { gather: { it: { from: "it", path: "/" } } } },
    },
    files: { "ca.pem": ca },
    env: { DENO_CERT: "ca.pem" },
  });
  const response = await ask(program.url);
  assertEquals((await response.json()).data, { it: [] });
  assertEquals(await offered, "http/1.1");
  listener.close();
});
