import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../../lib/core/clock.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { Source } from "../../../lib/core/source.ts";
import { openHttpTransport, type TransportKind } from "../../../lib/transport/http.ts";
import { UpstreamFault } from "../../../lib/core/upstream_fault.ts";
import { testCall, testContext } from "../../support/context.ts";
import { until, within } from "../../support/program.ts";
import { startScripted } from "../../support/scripted_upstream.ts";
import { SENT_RESPONSES } from "../../support/sent/mod.ts";
import type { Outcome, SentResponse } from "../../support/sent/sent_response.ts";
import { latin1Bytes, latin1Text, type Wire } from "../../support/wire.ts";

const TRANSPORTS: readonly TransportKind[] = ["socket", "fetch"];
const NEXT = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext";
/** More than the body of any response here. */
const MAX_BYTES = 1024;
/**
 * Within which bytes beyond a response arrive, and end its connection; no reader can tell later ones
 * from the next response.
 */
const TRANSIT_MS = 500;
/** Within which a call ends that nothing delays. */
const BOUND_MS = 3_000;
/** Larger responses are sent in larger pieces. */
const SHORT = 500;
/** How many places at once. */
const CUTS = 16;

for (const kind of TRANSPORTS) {
  for (const [topic, responses] of Object.entries(SENT_RESPONSES)) {
    Deno.test(`${kind}: ${topic}: what comes of each response`, async () => {
      await assertRead(kind, responses, ({ bytes }) => bytes.length);
    });
  }
}

for (const [topic, responses] of Object.entries(SENT_RESPONSES)) {
  Deno.test(`socket: ${topic}: the same comes of them in pieces`, async () => {
    await assertRead("socket", responses, ({ bytes }) => bytes.length > SHORT ? 4_001 : 3);
  });
}

for (const [topic, responses] of Object.entries(SENT_RESPONSES)) {
  // Those that a transport reads furthest: of each topic the longest short one.
  const short = responses.filter(({ bytes }) => bytes.length < 150);
  const sent = short.toSorted((a, b) => b.bytes.length - a.bytes.length)[0];
  Deno.test(`socket: ${topic}: the same comes of one, wherever it is cut in two`, async () => {
    for (let at = 1; sent && at < sent.bytes.length; at += CUTS) {
      const cuts = Array.from({ length: CUTS }, (_, cut) => at + cut);
      await Promise.all(cuts.map((cut) => assertRead("socket", [sent], () => cut)));
    }
  });
}

/** What is seen of a response. */
interface Seen {
  readonly outcome: Outcome;
  readonly headers: Readonly<Record<string, string | null>>;
  /** What comes of the next call. */
  readonly next: Outcome;
  /** Whether that was sent over the same connection. */
  readonly isReused: boolean;
}

/** Asserts what comes of each, all at once. */
async function assertRead(
  kind: TransportKind,
  responses: readonly SentResponse[],
  sizeOf: (sent: SentResponse) => number,
): Promise<void> {
  const sent = responses.map((one) => ({ ...one, ...(kind === "fetch" && one.fetch) }));
  const seen = await Promise.all(sent.map((one) => read(kind, one, sizeOf(one))));
  const named = (all: readonly Seen[]) =>
    all.map((one, index) => `${sent[index]?.name}: ${JSON.stringify(one)}`);
  assertEquals(named(seen), named(sent.map((one, index) => expected(kind, one, seen[index]))));
}

function expected(kind: TransportKind, sent: SentResponse, seen: Seen | undefined): Seen {
  const { outcome, headers = {} } = sent;
  const isFetch = kind === "fetch";
  return {
    // `fetch` does not say why a body fails.
    outcome: isFetch && "broken" in outcome ? { broken: "other" } : outcome,
    headers,
    next: { status: 200, body: "next" },
    // `fetch` gets a connection back some time after the body.
    isReused: isReused(sent) && (isFetch ? seen?.isReused ?? true : true),
  };
}

function isReused(
  { outcome, ends = false, isReused = "status" in outcome && !ends }: SentResponse,
) {
  return isReused;
}

/** Sends it in pieces of `size`, and then asks once more. */
async function read(kind: TransportKind, sent: SentResponse, size: number): Promise<Seen> {
  const all = Promise.withResolvers<void>();
  await using upstream = startScripted(async (wire, asked) => {
    if (asked > 1) return await wire.send(NEXT);
    await sendPieces(wire, sent.bytes, size).finally(all.resolve);
    return sent.ends ? "close" : undefined;
  });
  using transport = openHttpTransport(systemClock);
  const source = transport.source(upstream.url, kind);
  const headers: Record<string, string | null> = {};
  const outcome = await ask(kind, source, sent.method ?? "GET", (seen) => {
    for (const name of Object.keys(sent.headers ?? {})) headers[name] = valueOf(seen, name);
  });
  await all.promise;
  await until(() => isReused(sent) || upstream.open === 0, "", TRANSIT_MS).catch(() => {});
  const next = await ask(kind, source, "GET");
  return { outcome, headers, next, isReused: upstream.connections === 1 };
}

async function sendPieces(wire: Wire, text: string, size: number): Promise<void> {
  const bytes = latin1Bytes(text);
  for (let at = 0; at < bytes.length; at += size) {
    if (at > 0) await new Promise((resolve) => setTimeout(resolve));
    await wire.send(bytes.subarray(at, Math.min(bytes.length, at + size)));
  }
}

function valueOf(headers: Headers, name: string): string | null {
  return name === "set-cookie" ? headers.getSetCookie().join(" | ") || null : headers.get(name);
}

async function ask(
  kind: TransportKind,
  source: Source,
  method: string,
  onHeaders: (headers: Headers) => void = () => {},
): Promise<Outcome> {
  let reply;
  try {
    reply = await within(
      source(testCall({ method }), testContext()),
      "a response has come",
      BOUND_MS,
    );
  } catch (error) {
    assert(error instanceof GatewayError);
    const { cause = new UpstreamFault("other", "") } = error;
    assert(cause instanceof UpstreamFault);
    // A bad chunk may come with the head.
    const isOfBody = kind === "socket" && /between chunks|a chunk|a trailer/.test(cause.message);
    return isOfBody ? { broken: cause.reason } : { fault: cause.reason };
  }
  onHeaders(reply.headers);
  try {
    const bytes = await within(reply.body.bytes(MAX_BYTES), "the body has come", BOUND_MS);
    return { status: reply.status, body: latin1Text(bytes) };
  } catch (error) {
    return { broken: error instanceof UpstreamFault ? error.reason : "other" };
  }
}
