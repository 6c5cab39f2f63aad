import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../../lib/core/clock.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { Source } from "../../../lib/core/source.ts";
import { openHttpTransport, type TransportKind } from "../../../lib/transport/http.ts";
import { UpstreamFault } from "../../../lib/core/upstream_fault.ts";
import { testCall, testContext } from "../../support/context.ts";
import { startScripted } from "../../support/scripted_upstream.ts";
import { type Outcome, SENT_RESPONSES, type SentResponse } from "../../support/sent_response.ts";
import { latin1Bytes } from "../../support/wire.ts";

const TRANSPORTS: readonly TransportKind[] = ["socket", "fetch"];
const NEXT = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext";

for (const kind of TRANSPORTS) {
  for (const sent of SENT_RESPONSES) {
    if (sent.transports && !sent.transports.includes(kind)) continue;
    for (const pieces of kind === "socket" ? ["whole", "in pieces"] as const : ["whole"] as const) {
      Deno.test(`${kind}: ${sent.name} (${pieces})`, async () => {
        // A byte at a time is right as well, but slow where there are many.
        const size = pieces === "whole" ? Infinity : sent.bytes.length > 500 ? 4_001 : 3;
        await using upstream = startScripted(async (wire, asked) => {
          if (asked > 1) return await wire.send(NEXT);
          const bytes = latin1Bytes(sent.bytes);
          for (let at = 0; at < bytes.length; at += size) {
            await wire.send(bytes.subarray(at, Math.min(bytes.length, at + size)));
            if (size < Infinity) await new Promise((resolve) => setTimeout(resolve));
          }
          return sent.ends ? "close" : undefined;
        });
        using transport = openHttpTransport(systemClock);
        const source = transport.source(upstream.url, kind);
        await assertOutcome(source, sent);
        if (kind === "socket") await assertReuse(source, sent, upstream);
      });
    }
  }
}

async function assertOutcome(source: Source, sent: SentResponse): Promise<void> {
  const headers: Record<string, string | null> = {};
  const came = await ask(source, sent.method ?? "GET", (seen) => {
    for (const name of Object.keys(sent.headers ?? {})) headers[name] = seen.get(name);
  });
  assertEquals(came, sent.outcome);
  assertEquals(headers, sent.headers ?? {});
}

/** A connection is used again when the response has ended where it should, and never else. */
async function assertReuse(
  source: Source,
  { outcome, ends = false, isReused = typeof outcome === "object" && !ends }: SentResponse,
  upstream: { readonly connections: number },
): Promise<void> {
  assertEquals(await ask(source, "GET"), { status: 200, body: "next" });
  assertEquals(upstream.connections, isReused ? 1 : 2);
}

async function ask(
  source: Source,
  method: string,
  onHeaders: (headers: Headers) => void = () => {},
): Promise<Outcome> {
  let reply;
  try {
    reply = await source(testCall({ method }), testContext());
  } catch (error) {
    assert(error instanceof GatewayError);
    assert(error.cause instanceof UpstreamFault || error.cause === undefined);
    const { kind } = error;
    if (kind === "upstream-invalid" && /between chunks|a chunk|a trailer/.test(causeOf(error))) {
      return "broken body"; // it came with the head
    }
    assert(kind === "upstream-invalid" || kind === "upstream-unreachable", kind);
    return kind;
  }
  onHeaders(reply.headers);
  try {
    const bytes = await reply.body.bytes(1024);
    return { status: reply.status, body: new TextDecoder("latin1").decode(bytes) };
  } catch {
    return "broken body";
  }
}

function causeOf({ cause }: Error): string {
  return cause instanceof Error ? cause.message : "";
}
