import { assert, assertEquals } from "@std/assert";
import { faultLine } from "../../lib/upstream/fault_log.ts";
import { startGateway } from "../support/gateway.ts";
import { SELF_SIGNED } from "../support/self_signed.ts";
import {
  refusingUrl,
  startRawUpstream,
  startResettingUpstream,
  startUpstream,
  type TestUpstream,
} from "../support/upstream.ts";

type Started = Pick<TestUpstream, "url"> & Partial<AsyncDisposable>;

/** An upstream for each way to fail, and what the log has to say of it. */
const FAULTS: readonly (readonly [string, RegExp, () => Started | Promise<Started>])[] = [
  ["nobody listens", /^refused \(1 call\): .*refused/i, () => ({ url: refusingUrl() })],
  ["no such host", /^no-such-host /, () => ({ url: "http://nosuchhost.invalid" })],
  ["a certificate that nobody trusts", /^certificate .*certificate/, selfSigned],
  ["a plain server that is asked for TLS", /^tls /, () => {
    const plain = startUpstream(() => new Response("{}"));
    return { ...disposed(plain), url: plain.url.replace("http:", "https:") };
  }],
  ["a reset", /^reset /, () => startResettingUpstream("")],
  ["an end without a word", /^closed /, () => startRawUpstream(() => Promise.resolve())],
  [
    "bytes that are no HTTP",
    /^malformed /,
    () => startRawUpstream(({ send }) => send("HELLO WORLD\r\n\r\n")),
  ],
  [
    "an end within the body",
    /^closed /,
    () => startRawUpstream(({ send }) => send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")),
  ],
  [
    "silence",
    /^timeout \(1 call\): no response within 1000 ms$/,
    () => startRawUpstream(({ closed }) => closed()),
  ],
];

for (const [what, line, start] of FAULTS) {
  Deno.test(`the log says why an upstream failed: ${what}`, async () => {
    const upstream = await start();
    try {
      await using gateway = startGateway({
        upstreams: { shop: { url: upstream.url, timeout: "1s" } },
        routes: { "GET /": { gather: { a: { from: "shop", path: "/?key=secret" } } } },
      });
      const response = await fetch(gateway.url);
      const text = await response.text();
      assert(response.status >= 502, text);
      const [report] = gateway.faults;
      assertEquals([gateway.faults.length, report?.upstream], [1, "shop"]);
      const told = report ? faultLine(report) : "";
      assert(line.test(told), told);
      for (const secret of ["secret", "nosuchhost", upstream.url.split(":").at(-1) ?? ""]) {
        assert(!text.includes(secret), text);
      }
      assert(!told.includes("secret"), told);
    } finally {
      await upstream[Symbol.asyncDispose]?.();
    }
  });
}

function disposed(upstream: AsyncDisposable): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose]() };
}

function selfSigned(): Started {
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    ...SELF_SIGNED,
    onListen() {},
  }, () => new Response("{}"));
  return {
    url: `https://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
