import { assertEquals, assertInstanceOf } from "@std/assert";
import { systemClock } from "../../lib/core/clock.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { openHttpTransport } from "../../lib/transport/http.ts";
import { UpstreamFault } from "../../lib/core/upstream_fault.ts";
import { testCall, testContext } from "../support/context.ts";
import { property, type Random } from "../support/random.ts";
import { startScripted } from "../support/scripted_upstream.ts";
import { SENT_RESPONSES } from "../support/sent_response.ts";
import { latin1Bytes } from "../support/wire.ts";

const NEXT = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext";
/** How long a response is waited for that has lost its end. */
const PATIENCE_MS = 15;
const SHORT = SENT_RESPONSES.filter(({ bytes }) => bytes.length < 300);

property(
  "whatever bytes a response is, the call ends and the next response is right",
  400,
  async (random) => {
    const { bytes, method = "GET" } = random.pick(SHORT);
    let text = bytes;
    for (let changes = random.int(1, 3); changes > 0; changes--) text = mutated(text, random);
    const sent = latin1Bytes(text);
    const isClosed = random.bool(0.3);
    const size = random.bool() ? sent.length : random.int(1, 20);
    const [begun, all] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using upstream = startScripted(async (wire, count) => {
      if (count > 1) return await wire.send(NEXT);
      begun.resolve();
      try {
        for (let at = 0; at < sent.length; at += size) {
          await wire.send(sent.subarray(at, Math.min(sent.length, at + size)));
          if (size < sent.length) await new Promise((resolve) => setTimeout(resolve));
        }
      } finally {
        all.resolve();
      }
      return isClosed ? "close" : undefined;
    });
    using transport = openHttpTransport(systemClock);
    const source = transport.source(upstream.url);
    await ended(begun.promise, async (signal) => {
      const reply = await source(testCall({ method }), testContext({ signal }));
      await reply.body.bytes(10_000);
    });
    // What comes beyond the response may still be on its way: nothing tells it from the next one.
    await all.promise;
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { status, body } = await source(testCall(), testContext());
    assertEquals([status, new TextDecoder().decode(await body.bytes(100))], [200, "next"]);
  },
);

/**
 * Waits until it has succeeded, or failed as a call may; aborts what waits for more.
 * @param begun resolves when the upstream has the request
 */
async function ended(
  begun: Promise<void>,
  call: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const patience = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  begun.then(() => {
    timer = setTimeout(() => patience.abort(new GatewayError("cancelled", "")), PATIENCE_MS);
  });
  try {
    await call(patience.signal);
  } catch (error) {
    if (!(error instanceof UpstreamFault)) assertInstanceOf(error, GatewayError);
  } finally {
    clearTimeout(timer);
  }
}

function mutated(text: string, random: Random): string {
  const at = random.int(0, text.length);
  const end = random.int(at, Math.min(text.length, at + 20));
  const piece = text.slice(at, end);
  return random.pick([
    () => text.slice(0, at) + text.slice(end),
    () => text.slice(0, end) + piece + text.slice(end),
    () => text.slice(0, at),
    () => text + text.slice(at),
    () => text.slice(0, at) + String.fromCharCode(random.int(0, 255)) + text.slice(at + 1),
    () => text.slice(0, at) + random.pick(["\r", "\n", "\0", " ", ":", "0", "9"]) + text.slice(at),
  ])();
}
