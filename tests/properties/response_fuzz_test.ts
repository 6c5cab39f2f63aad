import { assertEquals, assertInstanceOf } from "@std/assert";
import { BodyTooLarge } from "../../lib/core/body.ts";
import { systemClock } from "../../lib/core/clock.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { openHttpTransport } from "../../lib/transport/http.ts";
import { UpstreamFault } from "../../lib/core/upstream_fault.ts";
import { testCall, testContext } from "../support/context.ts";
import { within } from "../support/program.ts";
import { property, type Random } from "../support/random.ts";
import { startScripted } from "../support/scripted_upstream.ts";
import { SENT_RESPONSES } from "../support/sent/mod.ts";
import { type ReadSent, readSent } from "../support/sent/read_sent.ts";
import { latin1Bytes, latin1Text } from "../support/wire.ts";

/** How long a response is waited for that has lost its end. */
const PATIENCE_MS = 15;
/** Within which a call ends that nothing delays. */
const BOUND_MS = 5_000;
/** Within which bytes beyond a response arrive; no reader can tell later ones from the next. */
const TRANSIT_MS = 20;
/** Calls that run at the same time. */
const AT_ONCE = 10;
const SHORT = Object.values(SENT_RESPONSES).flat().filter(({ bytes }) => bytes.length < 300);

property(
  "what is read of changed responses is what they are, and so is the next",
  100,
  async (random) => {
    await Promise.all(Array.from({ length: AT_ONCE }, () => {
      const { bytes, method = "GET" } = random.pick(SHORT);
      let text = bytes;
      for (let changes = random.int(0, 3); changes > 0; changes--) text = mutated(text, random);
      const size = random.bool() ? text.length : random.int(1, 20);
      return assertRead(text, { method, size, isClosed: random.bool(0.3) });
    }));
  },
);

interface Way {
  readonly method: string;
  /** How many bytes are sent at once. */
  readonly size: number;
  /** Whether the upstream ends the connection after them. */
  readonly isClosed: boolean;
}

async function assertRead(text: string, { method, size, isClosed }: Way): Promise<void> {
  const bytes = latin1Bytes(text);
  const all = Promise.withResolvers<void>();
  await using upstream = startScripted(async (wire, count, { path }) => {
    if (count > 1) {
      await wire.send(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
      return;
    }
    try {
      for (let at = 0; at < bytes.length; at += size) {
        await wire.send(bytes.subarray(at, Math.min(bytes.length, at + size)));
        if (size < bytes.length) await new Promise((resolve) => setTimeout(resolve));
      }
    } finally {
      all.resolve();
    }
    return isClosed ? "close" : undefined;
  });
  using transport = openHttpTransport(systemClock);
  const source = transport.source(upstream.url);
  const read = async (method: string, path: string, signal: AbortSignal) => {
    const { status, body } = await source(testCall({ method, path }), testContext({ signal }));
    return { status, body: latin1Text(await body.bytes(10_000)) };
  };
  const expected = readSent(text, method, isClosed);
  const patience = new AbortController();
  if (expected === "incomplete" && !isClosed) {
    all.promise.then(() => setTimeout(() => patience.abort(), PATIENCE_MS));
  }
  const came = await within(
    outcomeOf(read(method, "/", patience.signal)),
    "the call ends",
    BOUND_MS,
  );
  const told = `${method} ${JSON.stringify(text)}${isClosed ? " and the end" : ""}`;
  assertEquals(came, typeof expected === "object" ? expected : "failed", told);
  await all.promise;
  await new Promise((resolve) => setTimeout(resolve, TRANSIT_MS));
  for (const path of ["/next", "/one-after"]) {
    const next = await within(
      read("GET", path, testContext().signal),
      "the next call ends",
      BOUND_MS,
    );
    assertEquals(next, { status: 200, body: path }, `after ${told}`);
  }
}

/** What a call has come to; rejects when it failed as no call may. */
async function outcomeOf(read: Promise<ReadSent>): Promise<ReadSent | "failed"> {
  try {
    return await read;
  } catch (error) {
    const isAborted = error instanceof DOMException && error.name === "AbortError";
    const isExpected = error instanceof UpstreamFault || error instanceof BodyTooLarge;
    if (!isAborted && !isExpected) assertInstanceOf(error, GatewayError);
    return "failed";
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
    () => text.slice(0, at) + random.pick(PIECES) + text.slice(at),
  ])();
}

const PIECES = [
  "\r\n",
  "\r\n\r\n",
  "\r\nContent-Length: 3\r\n",
  "\r\nTransfer-Encoding: chunked\r\n",
  "\r\nConnection: close\r\n",
  "0\r\n\r\n",
  "HTTP/1.1 100 X\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
] as const;
