import { assert, assertEquals } from "@std/assert";
import { faultLine } from "../../lib/upstream/fault_line.ts";
import { startGateway } from "../support/gateway.ts";
import { startFull } from "../support/aborted_calls.ts";
import { SELF_SIGNED } from "../support/self_signed.ts";
import {
  type RawConnection,
  refusingUrl,
  startRawUpstream,
  startResettingUpstream,
  startUpstream,
  type TestUpstream,
} from "../support/upstream.ts";

type Started = Pick<TestUpstream, "url"> & Partial<AsyncDisposable & Disposable>;

/** An upstream for each way to fail, and what the log has to say of it. */
const FAULTS: readonly (readonly [string, RegExp, () => Started | Promise<Started>])[] = [
  ["nobody listens", /^refused \(1 call\): .*refused/i, () => ({ url: refusingUrl() })],
  ["no such host", /^no-such-host /, () => ({ url: "http://nosuchhost.invalid" })],
  ["a certificate that nobody trusts", /^certificate .*certificate/, selfSigned],
  ["a plain server that is asked for TLS", /^tls /, () => {
    const plain = startUpstream(() => new Response("{}"));
    return asSecure({ ...disposed(plain), url: plain.url });
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
    "nobody accepts",
    /^connect-timeout \(1 call\): no connection was made \(no response within 300 ms\); target /,
    startFull,
  ],
  [
    "silence instead of TLS",
    /^connect-timeout \(1 call\): the TLS handshake is incomplete \(no response within 300 ms\); target /,
    () => asSecure(startAccepting()),
  ],
  [
    "silence",
    /^timeout \(1 call\): no response within 300 ms; target /,
    () => startRawUpstream(({ closed }) => closed()),
  ],
  [
    "silence within the head",
    /^timeout \(1 call\): no response within 300 ms; target /,
    () => startRawUpstream(sendAndWait("HTTP/1.1 200 OK\r\nA: ")),
  ],
  [
    "silence within the body",
    /^timeout \(1 call\): the response's body is incomplete \(no response within 300 ms\); target /,
    () => startRawUpstream(sendAndWait("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,")),
  ],
];

function sendAndWait(text: string): (raw: RawConnection) => Promise<void> {
  return async ({ send, closed }) => {
    await send(text);
    await closed();
  };
}

/** A listener whose connections are open, and say nothing. */
function startAccepting(): Started {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    [Symbol.asyncDispose]: () => Promise.resolve(listener.close()),
  };
}

function asSecure(plain: Started): Started {
  return { ...plain, url: plain.url.replace("http:", "https:") };
}

/** `fetch` does not tell. */
const UNTOLD = ["nobody accepts", "silence instead of TLS", "an end within the body"];

for (const [what, line, start] of FAULTS) {
  if (Deno.env.get("TRANSPORT") === "fetch" && UNTOLD.includes(what)) continue;
  Deno.test(`the log says why an upstream failed: ${what}`, async () => {
    const isSilent = line.source.includes("300 ms");
    const upstream = await start();
    try {
      await using gateway = startGateway({
        upstreams: { shop: { url: upstream.url, timeout: isSilent ? "300ms" : "5s" } },
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
      upstream[Symbol.dispose]?.();
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
