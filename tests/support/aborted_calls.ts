import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { Body } from "../../lib/core/body.ts";
import { systemClock } from "../../lib/core/clock.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import type { Call } from "../../lib/core/source.ts";
import { openHttpTransport } from "../../lib/transport/http.ts";
import { UpstreamFault } from "../../lib/core/upstream_fault.ts";
import { testCall, testContext } from "./context.ts";
import { until, within } from "./program.ts";
import { Random } from "./random.ts";
import { latin1Text, Wire } from "./wire.ts";

/** What the upstream sends for a path, before it waits to be left. */
const SENT: Readonly<Record<string, string>> = {
  "/silent": "",
  "/interim": "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
  "/head": "HTTP/1.1 200 OK\r\nContent-Le",
  "/no-body": "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n",
  "/body": "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + "x".repeat(70_000),
  "/chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nh",
  "/until-end": "HTTP/1.1 200 OK\r\n\r\nhello",
  "/whole": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
};
/** When a call is aborted: this long after it began, or after the upstream has its request (ms). */
const EARLY_MS = 10;
const LATE_MS = 3;
/** When it is aborted although the upstream has not seen its request. */
const LATEST_MS = 300;
const AT_ONCE = 32;
/** Within which a call ends that was aborted. */
const BOUND_MS = 5_000;

/** Options of {@linkcode abortCalls}. */
export interface AbortedCalls {
  readonly calls: number;
  readonly seed: number;
  /** Called with the number of calls when that many have ended, and nothing is under way. */
  readonly onRest?: (ended: number) => void;
}

/**
 * Aborts calls at random points: before they begin, while they connect, in the TLS handshake, within
 * the head, the body and the upload; some end before. Asserts that no socket is left.
 */
export async function abortCalls({ calls, seed, onRest }: AbortedCalls): Promise<void> {
  const before = sockets();
  const random = new Random(seed);
  {
    await using upstream = startUpstream();
    using full = await startFull();
    using closing = new DisposableStack();
    const transport = closing.use(openHttpTransport(systemClock, { maxIdle: 8 }));
    const plain = transport.source(upstream.url);
    const secure = transport.source(upstream.url.replace("http:", "https:"));
    const nowhere = transport.source(full.url);
    let begun = 0;
    const abortNext = async () => {
      const id = String(begun);
      const request = new AbortController();
      const reason = new GatewayError("cancelled", "enough");
      const abort = () => request.abort(reason);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const abortAfter = (most: number) => timer = setTimeout(abort, random.int(0, most));
      const moment = random.pick(["before", "at once", "early", "late", "late", "late"] as const);
      const source = moment === "late" ? plain : random.pick([plain, secure, nowhere]);
      const call = anyCall(random, id);
      if (moment === "before") abort();
      if (moment === "early") abortAfter(EARLY_MS);
      if (moment === "late") {
        timer = setTimeout(abort, LATEST_MS);
        upstream.onRequest.set(id, () => {
          clearTimeout(timer);
          abortAfter(LATE_MS);
        });
      }
      try {
        const reading = random.bool() ? "bytes" : random.pick(["stream", "cancel"] as const);
        await within(ended(reading), "an aborted call ends", BOUND_MS);
      } catch (error) {
        begun = Infinity; // the others end, too
        throw error;
      } finally {
        clearTimeout(timer);
        upstream.onRequest.delete(id);
      }

      async function ended(reading: "bytes" | "stream" | "cancel"): Promise<void> {
        const { signal } = request;
        try {
          const called = source(call, testContext({ signal }));
          if (moment === "at once") abort();
          const { body } = await called;
          if (reading === "bytes") await body.bytes(1_000_000);
          else if (reading === "cancel") await body.cancel();
          else await new Response(body.handOn()).bytes();
        } catch (error) {
          if (error !== reason) assertIsFailure(error);
        }
      }
    };
    const run = async (upTo: number) => {
      await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        while (begun < upTo) {
          begun++;
          await abortNext();
        }
      }));
      // What is idle stays open, and nothing else.
      await until(() => upstream.open <= 8, `no connection is left: ${upstream.open}`);
      onRest?.(upTo);
    };
    await run(Math.ceil(calls / 5));
    await run(calls);
    assert(upstream.requests > calls / 3, `only ${upstream.requests} came further`);
    const { body } = await plain(testCall({ path: "/whole" }), testContext());
    assertEquals(latin1Text(await body.bytes(10)), "ok", "calls succeed as before");
    closing.dispose();
    await until(() => upstream.open === 0, `all are closed: ${upstream.open}`);
  }
  await until(() => sockets() <= before, `sockets are left: ${sockets() - before}`);
}

function anyCall(random: Random, id: string): Call {
  const path = `${random.pick(Object.keys(SENT))}?${id}`;
  const bodyOf = random.pick([
    () => undefined,
    () => undefined,
    () => Body.of(new Uint8Array(10)),
    () => Body.of(new Uint8Array(1_000_000)),
    () => Body.from({ stream: new ReadableStream() }),
    () => Body.from({ stream: endless(), length: 5_000_000 }),
  ]);
  const body = bodyOf();
  return testCall({ path, ...(body && { method: "POST", body }) });
}

function assertIsFailure(error: unknown): void {
  if (!(error instanceof GatewayError || error instanceof UpstreamFault)) throw error;
}

function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve));
      controller.enqueue(new Uint8Array(10_000));
    },
  });
}

/**
 * How a client begins with TLS. Deno keeps a connection whose handshake was aborted open until the
 * upstream ends it.
 */
const TLS_HANDSHAKE = 22;
const REQUEST = /^(?:GET|POST) (\/[\w-]+)\??(\d*) /;

/** An upstream that reads what comes, and sends what each path says. */
function startUpstream() {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  let open = 0;
  let requests = 0;
  const onRequest = new Map<string, () => void>();
  const serve = async (connection: Deno.TcpConn) => {
    open++;
    using wire = new Wire(connection);
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (
        let count = await connection.read(buffer);
        count;
        count = await connection.read(buffer)
      ) {
        const [, path, id = ""] = REQUEST.exec(latin1Text(buffer.subarray(0, 100))) ?? [];
        if (buffer[0] === TLS_HANDSHAKE) return await delay(EARLY_MS);
        buffer.fill(0, 0, 100);
        if (path === undefined) continue;
        requests++;
        onRequest.get(id)?.();
        onRequest.delete(id);
        await wire.send(SENT[path] ?? "");
      }
    } catch {
      // It was left.
    } finally {
      open--;
    }
  };
  const accepting = (async () => {
    for await (const connection of listener) serve(connection);
  })().catch(() => {});
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    get open() {
      return open;
    },
    /** Called once, when the request with that query has come. */
    onRequest,
    get requests() {
      return requests;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  };
}

/** A listener that accepts no connection, and has as many as may wait. */
export async function startFull(): Promise<{ readonly url: string } & Disposable> {
  const hostname = "127.0.0.1";
  const listener = Deno.listen({ port: 0, hostname, tcpBacklog: 1 });
  const { port } = listener.addr;
  const waiting = await Promise.all([1, 2].map(() => Deno.connect({ port, hostname })));
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.dispose]() {
      for (const connection of waiting) connection.close();
      listener.close();
    },
  };
}

/** The sockets of this process; 0 where that cannot be seen. */
function sockets(): number {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => isSocket(name)).length;
  } catch {
    return 0;
  }
}

function isSocket(descriptor: string): boolean {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
  } catch {
    return false; // closed meanwhile
  }
}
