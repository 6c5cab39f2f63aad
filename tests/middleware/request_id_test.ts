import { assertEquals, assertNotEquals } from "@std/assert";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ask, askFor } from "../support/wire.ts";

function startIdentified(traces: unknown[] = []): TestGateway {
  return startGateway({
    cors: { origins: ["https://app.example"] },
    upstreams: {
      own: {
        source: (_call, { trace: { id, traceparent } }) => {
          traces.push([id, traceparent]);
          return Promise.resolve(json(1));
        },
      },
    },
    routes: { "ANY /own/*": { forward: "own" }, "GET /parts": { gather: { it: { from: "own" } } } },
  });
}

Deno.test("every response has an id, whatever becomes of the request", async () => {
  await using gateway = startIdentified();
  for (
    const request of [
      "GET /own/x",
      "GET /parts",
      "HEAD /parts",
      "GET /nowhere",
      "POST /parts",
      "GET /own/..",
      "OPTIONS /own/x",
      "TRACE /own/x",
      "GET /_gateway/health/live",
    ]
  ) {
    const { headers } = await ask(
      gateway.port,
      `${request} HTTP/1.1\r\nHost: a\r\nX-Request-Id: req-1\r\nOrigin: https://app.example\r\n\r\n`,
    );
    assertEquals(headers.get("x-request-id"), "req-1", request);
  }
});

Deno.test("requests that bring no id get different ones", async () => {
  await using gateway = startIdentified();
  const ids = [await askFor(gateway.port, "/own/x"), await askFor(gateway.port, "/own/x")]
    .map(({ headers }) => headers.get("x-request-id"));
  assertNotEquals(ids[0], ids[1]);
});

const TRACED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/** Of a version after 00. */
const LATER = `cc${TRACED.slice(2)}`;

for (
  const [traceparent, kept] of [
    [TRACED, TRACED],
    [`${TRACED}-more`, undefined],
    [LATER, LATER],
    [`${LATER}-more`, `${LATER}-more`],
    [`${LATER}.more`, undefined],
    [`ff${LATER.slice(2)}`, undefined],
    [TRACED.replace("0af7651916cd43dd8448eb211c80319c", "0".repeat(32)), undefined],
    [TRACED.replace("b7ad6b7169203331", "0".repeat(16)), undefined],
    [TRACED.toUpperCase(), undefined],
    [TRACED.slice(1), undefined],
    ["", undefined],
    [`${TRACED}, ${TRACED}`, undefined],
    [`${LATER}-more, ${LATER}-more`, undefined],
  ] as const
) {
  Deno.test(`a traceparent "${traceparent}" is ${kept === undefined ? "dropped" : "used"}`, async () => {
    const traces: unknown[] = [];
    await using gateway = startIdentified(traces);
    await askFor(gateway.port, "/own/x", `X-Request-Id: a\r\nTraceparent: ${traceparent}\r\n`);
    assertEquals(traces, [["a", kept]]);
  });
}
