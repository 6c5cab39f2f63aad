import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { CERTIFICATES } from "../support/certificates.ts";
import { startProgram, until } from "../support/program.ts";
import { refusingUrl, startResettingUpstream, startUpstream } from "../support/upstream.ts";
import { askFor } from "../support/wire.ts";

const { ca, key } = CERTIFICATES;
/** Where a client, a config or an upstream has a secret, this is it. */
const SECRET = "planted-secret";
const TRACE = "0af7651916cd43dd8448eb211c80319c";

/** What the log says of an upstream: a word, and the system's own words. */
type Said = readonly [word: string, words: RegExp];

/** An upstream, and what the log says of it by each transport. */
interface Failing {
  readonly start: (closing: AsyncDisposableStack) => string | Promise<string>;
  readonly socket: Said;
  /** Absent: as by socket. */
  readonly fetch?: Said;
}

const FAILING: Readonly<Record<string, Failing>> = {
  refused: { start: refusingUrl, socket: ["refused", /Connection refused/] },
  noHost: {
    start: () => "http://nosuchhost.invalid:81",
    socket: ["no-such-host", /Name or service not known|lookup address/],
  },
  // No connection to a broadcast address can be made: the system says so, and sends nothing.
  unreachable: {
    start: () => "http://255.255.255.255:81",
    socket: ["unreachable", /Network is unreachable/],
  },
  expired: {
    start: (closing) => startTls(CERTIFICATES.expired, closing),
    socket: ["certificate-expired", /certificate expired: verification time \d+/],
  },
  unknown: {
    start: (closing) => startTls(CERTIFICATES.unknown, closing),
    socket: ["certificate-unknown", /UnknownIssuer/],
  },
  otherName: {
    start: (closing) => startTls(CERTIFICATES.other, closing),
    socket: ["certificate-name", /not valid for name "localhost"/],
  },
  reset: {
    start: async (closing) => closing.use(await startResettingUpstream("")).url,
    socket: ["reset", /Connection reset by peer/],
  },
  tlsToPlain: {
    start: (closing) => asScheme("https", startPlain(closing)),
    socket: ["tls", /InvalidContentType/],
  },
  plainToTls: {
    start: (closing) => asScheme("http", startTls(CERTIFICATES.good, closing)),
    socket: ["tls", /the upstream expects TLS/],
    fetch: ["malformed", /invalid HTTP version/],
  },
};

function startTls(cert: string, closing: AsyncDisposableStack): string {
  const options = { port: 0, hostname: "127.0.0.1", cert, key, onListen() {} };
  const server = Deno.serve(options, () => new Response(SECRET));
  closing.defer(() => server.shutdown());
  return `https://localhost:${server.addr.port}`;
}

function startPlain(closing: AsyncDisposableStack): string {
  return closing.use(startUpstream(() => new Response(SECRET))).url;
}

function asScheme(scheme: string, url: string): string {
  return url.replace(/^https?/, scheme);
}

for (const transport of ["socket", "fetch"] as const) {
  Deno.test(`${transport}: the log names each cause of an unreachable upstream, and no secret`, async () => {
    await using closing = new AsyncDisposableStack();
    const upstreams: Record<string, unknown> = {};
    const routes: Record<string, unknown> = {};
    const origins = new Map<string, string>();
    for (const [name, { start }] of Object.entries(FAILING)) {
      const url = await start(closing);
      origins.set(name, url);
      upstreams[name] = {
        url: `${url}/${SECRET}`,
        transport,
        headers: { authorization: `Bearer ${SECRET}`, "x-key": SECRET },
      };
      routes[`GET /${name}`] = { gather: { it: { from: name, path: `/?key=${SECRET}` } } };
      routes[`ANY /${name}/*`] = { forward: name };
    }
    await using program = await startProgram({
      config: { store: ":memory:", upstreams, routes },
      files: { "ca.pem": ca },
      env: { DENO_CERT: "ca.pem", GATEWAY_ADMIN_TOKEN: SECRET },
    });
    const secrets = [
      `Authorization: Bearer ${SECRET}`,
      `Cookie: a=${SECRET}`,
      `X-Api-Key: ${SECRET}`,
    ];
    const lines = [...secrets, `traceparent: 00-${TRACE}-b7ad6b7169203331-01`].join("\r\n");
    for (const [index, [name, failing]] of Object.entries(FAILING).entries()) {
      const [word, words] = failing[transport] ?? failing.socket;
      const id = `id-${name}`;
      const headers = `${lines}\r\nX-Request-Id: ${id}\r\n`;
      await askFor(program.port, `/${name}?key=${SECRET}`, headers);
      await until(() => program.errors.some((entry) => entry.id === id), `${name} is logged`);
      const { cause, message, time, ...entry } = program.errors.find((entry) => entry.id === id) ??
        {};
      const problem = word === "malformed" ? "upstream-invalid" : "upstream-unreachable";
      const origin = origins.get(name) ?? "";
      assertEquals(entry, {
        level: "error",
        id,
        traceId: TRACE,
        route: `GET /${name}`,
        attempt: 1,
        problem,
        upstream: name,
        target: origin,
        calls: 1,
      });
      assertMatch(String(time), /^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/);
      assert(String(cause).startsWith(`${word}: `), String(cause));
      assertMatch(String(cause), words);
      assertEquals(
        message,
        `upstream ${name}: ${word} (1 call): ${
          String(cause).slice(word.length + 2)
        }; target ${origin}`,
      );
      await askFor(program.port, `/${name}/x?key=${SECRET}`, headers);
      await until(() => program.log.length === 2 * index + 2, "both requests are logged");
      const [gathered, forwarded] = program.log.slice(-2).map((line) => JSON.parse(line));
      assertEquals([gathered.traceId, gathered.parts[0].problem], [TRACE, problem]);
      assertEquals(gathered.parts[0].cause, word);
      assertEquals([forwarded.problem, forwarded.cause], [problem, word]);
    }
    assertFalse(program.output.includes(SECRET), program.output);
    // The second call is only counted.
    assertEquals(program.errors.length, Object.keys(FAILING).length, program.stderr);
  });
}
