import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { CERTIFICATES } from "../support/certificates.ts";
import { runProgram, startProgram, until } from "../support/program.ts";
import { SELF_SIGNED } from "../support/self_signed.ts";
import { startUpstream } from "../support/upstream.ts";

const { ca, good, expired, key } = CERTIFICATES;
const TLS = { cert: "./cert.pem", key: { file: "./key.pem" } };

function configOf(url: string) {
  return {
    store: ":memory:",
    tls: TLS,
    upstreams: { it: { url } },
    routes: { "GET /*": { forward: { to: "it" } } },
  };
}

Deno.test("tls: clients get HTTP/2 or HTTP/1.1, and upstreams know that they came over https", async () => {
  await using upstream = startUpstream(({ headers }) =>
    Response.json([headers.get("x-forwarded-proto"), headers.get("x-forwarded-host")])
  );
  await using program = await startProgram({
    config: configOf(upstream.url),
    files: { "cert.pem": good, "key.pem": key },
  });
  assertEquals(program.stdout.split("\n")[0], `listening on https://127.0.0.1:${program.port}`);
  for (const [version, protocol] of [["h2", "HTTP/2"], ["http/1.1", "HTTP/1.1"]] as const) {
    using connection = await Deno.connectTls({
      hostname: "localhost",
      port: program.port,
      caCerts: [ca],
      alpnProtocols: [version],
    });
    assertEquals((await connection.handshake()).alpnProtocol, version);
    using client = Deno.createHttpClient({
      caCerts: [ca],
      http1: version !== "h2",
      http2: version === "h2",
    });
    const response = await fetch(`https://localhost:${program.port}/`, { client });
    assertEquals(await response.json(), ["https", `localhost:${program.port}`], protocol);
  }
});

Deno.test("tls: a renewed certificate is used from the reload on, and no request in flight is lost", async () => {
  const arrived: (() => void)[] = [];
  await using upstream = startUpstream(async () => {
    await new Promise<void>((resolve) => arrived.push(resolve));
    return Response.json("done");
  });
  await using program = await startProgram({
    config: configOf(upstream.url),
    files: { "cert.pem": expired, "key.pem": key },
  });
  await until(() => program.told.length > 0, "the log warns");
  assertMatch(
    String(program.told[0]),
    /^tls: the certificate expired on 2020-01-02T00:00:00.000Z$/,
  );
  using client = Deno.createHttpClient({ caCerts: [ca], http2: false });
  const url = `https://localhost:${program.port}/`;
  const reloadWith = async (name: string, text: string) => {
    await program.folder.write(name, text);
    const before = program.told.length;
    program.signal("SIGHUP");
    await until(() => program.told.length > before, "the config is reloaded");
    return String(program.told[before]);
  };
  const refused = await fetch(url, { client }).catch(({ cause }) => cause);
  assertMatch(String(refused), /[Ee]xpired/);

  assertMatch(await reloadWith("cert.pem", good), /^config: reloaded/);
  const inFlight = Array.from({ length: 10 }, () => fetch(url, { client }));
  await until(() => arrived.length === 10, "the requests are in flight");
  assertMatch(await reloadWith("cert.pem", SELF_SIGNED.cert), /not reloaded[^]*tls\.key: must be/);
  assertMatch(await reloadWith("cert.pem", `${good}\n${ca}`), /^config: reloaded/);
  for (const respond of arrived.splice(0)) respond();
  for (const response of await Promise.all(inFlight)) assertEquals(await response.json(), "done");

  const next = fetch(url, { client });
  await until(() => arrived.length === 1, "new requests arrive");
  arrived[0]?.();
  assertEquals(await (await next).json(), "done");
});

Deno.test("tls: what does not fit is one clear error, without the key", async () => {
  const wrong: [files: Record<string, string>, message: RegExp][] = [
    [{ "key.pem": key }, /^tls\.cert: must be a file that can be read.*; got ".\/cert.pem"$/],
    [{ "cert.pem": "no", "key.pem": key }, /^tls\.cert: must be the file of a certificate in PEM/],
    [{ "cert.pem": good, "key.pem": "no" }, /^tls\.key: must be a private key in PEM/],
    [
      { "cert.pem": good, "key.pem": SELF_SIGNED.key },
      /^tls\.key: must be the key of the certificate \.\/cert\.pem$/,
    ],
  ];
  for (const [files, message] of wrong) {
    await using program = await runProgram({ config: configOf("http://127.0.0.1:1"), files });
    assertEquals(program.code, 1);
    assertMatch(program.stderr.trimEnd(), message);
    assertNotMatch(program.stderr, /PRIVATE/);
  }
  await using checked = await runProgram({
    config: { ...configOf("http://127.0.0.1:1"), tls: { ...TLS, key: { env: "KEY" } } },
    files: { "cert.pem": good },
    env: { KEY: key },
    flags: ["--check"],
  });
  assertEquals(checked.code, 0, checked.stderr);
  assertNotMatch(checked.output, /PRIVATE|BEGIN/);
});

Deno.test("tls: another program's port is not shared", async () => {
  using taken = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  await using program = await runProgram({
    config: configOf("http://127.0.0.1:1"),
    files: { "cert.pem": good, "key.pem": key },
    env: { PORT: `${taken.addr.port}` },
  });
  assert(program.stderr.includes("the port is in use"), program.stderr);
});
