import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import type { Part } from "../../lib/config/part.ts";
import type { HttpUpstream } from "../../lib/config/upstream.ts";
import type { Kind } from "../../lib/core/errors.ts";
import type { Json } from "../../lib/template/template.ts";
import { ask, failedParts, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import {
  type RawConnection,
  refusingUrl,
  startRawUpstream,
  startResettingUpstream,
  startUpstream,
} from "../support/upstream.ts";

/** Something that listens, or does not, for as long as a test holds it. */
type Listening = AsyncDisposable & { readonly url: string };

/** How a part's upstream behaves, and what that must come to. */
interface Behaviour {
  /** Goes on from "an upstream that". */
  readonly upstream: string;
  readonly start: () => Listening | Promise<Listening>;
  /** What the part that asks it says besides. */
  readonly part?: Partial<Part>;
  readonly maxBody?: HttpUpstream["maxBody"];
  /** What the client sends. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly outcome: Success | Failure;
}

interface Success {
  readonly data: Json;
}

interface Failure {
  readonly kind: Kind;
  readonly status: number;
  /** Of the answer that it fails as a whole. */
  readonly retryAfter?: string;
  readonly authenticate?: string;
}

/** How much a part is needed. */
interface Need {
  readonly name: string;
  readonly part: Partial<Part>;
  /** Undefined for a part that nothing stands in for. */
  readonly standIn?: Json;
}

const NEEDS: readonly Need[] = [
  { name: "required", part: {} },
  { name: "optional", part: { optional: true }, standIn: null },
  { name: "otherwise", part: { otherwise: { stand: ["in"] } }, standIn: { stand: ["in"] } },
];

const UNREACHABLE: Failure = { kind: "upstream-unreachable", status: 502 };
const INVALID: Failure = { kind: "upstream-invalid", status: 502 };
const ERROR: Failure = { kind: "upstream-error", status: 502 };
const TIMEOUT: Failure = { kind: "upstream-timeout", status: 504 };
const AUTHORIZED = {
  part: { headers: { authorization: "{header.authorization}" } },
  headers: { authorization: "Bearer mine" },
};
/** The wall clock of the gateway. */
const NOW = Date.UTC(2026, 0, 1);

const BEHAVIOURS: readonly Behaviour[] = [
  // Answers that can be used.
  { upstream: "answers JSON", start: says('{"n":1}'), outcome: { data: { n: 1 } } },
  { upstream: "answers 201", start: status(201, "[1]"), outcome: { data: [1] } },
  { upstream: "answers null", start: says("null"), outcome: { data: null } },
  { upstream: "begins JSON with a BOM", start: says("\ufeff[1]"), outcome: { data: [1] } },
  { upstream: "answers 204", start: status(204, null), outcome: { data: null } },
  { upstream: "answers an empty 200", start: says(""), outcome: { data: null } },
  {
    upstream: "calls its JSON text/html",
    start: says("[1]", { "content-type": "text/html" }),
    outcome: { data: [1] },
  },
  {
    upstream: "answers HEAD",
    start: says("[1]"),
    part: { method: "HEAD" },
    outcome: { data: null },
  },
  {
    upstream: "answers HEAD, of what is larger than maxBody",
    start: says("x".repeat(2000)),
    part: { method: "HEAD" },
    maxBody: "1KiB",
    outcome: { data: null },
  },
  { upstream: "sends gzip", start: gzip("[1]"), outcome: { data: [1] } },
  {
    upstream: "says 103 before 200",
    start: sends(
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n",
      "Content-Length: 3\r\nConnection: close\r\n\r\n[1]",
    ),
    outcome: { data: [1] },
  },
  {
    upstream: "sends no length and closes at the end",
    start: sends("HTTP/1.1 200 OK\r\n\r\n[1]"),
    outcome: { data: [1] },
  },

  // Text.
  {
    upstream: "answers text where text is wanted",
    start: says('say "hé"', { "content-type": "text/plain" }),
    part: { as: "text" },
    outcome: { data: 'say "hé"' },
  },
  {
    upstream: "answers text in the charset that it names",
    start: says(new Uint8Array([0x68, 0xe9]), { "content-type": 'text/plain; charset="latin1"' }),
    part: { as: "text" },
    outcome: { data: "hé" },
  },
  {
    upstream: "names a charset that nobody knows",
    start: says("abc", { "content-type": "text/plain; charset=klingon" }),
    part: { as: "text" },
    outcome: INVALID,
  },
  {
    upstream: "answers an empty text",
    start: says(""),
    part: { as: "text" },
    outcome: { data: null },
  },
  {
    upstream: "answers text where JSON is wanted",
    start: says("Hello", { "content-type": "text/plain" }),
    outcome: INVALID,
  },

  // Connections that break.
  { upstream: "does not listen", start: refuses, outcome: UNREACHABLE },
  { upstream: "closes before its head", start: sends(), outcome: UNREACHABLE },
  { upstream: "closes within its head", start: sends("HTTP/1.1 200 O"), outcome: UNREACHABLE },
  { upstream: "is no HTTP server", start: sends("220 smtp ready\r\n"), outcome: INVALID },
  {
    upstream: "resets within its head",
    start: () => startResettingUpstream("HTTP/1.1 200 OK\r\nConte"),
    outcome: UNREACHABLE,
  },
  {
    upstream: "resets within its body",
    start: () => startResettingUpstream("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,"),
    outcome: INVALID,
  },
  {
    upstream: "sends less than its Content-Length",
    start: sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1]"),
    outcome: INVALID,
  },
  {
    upstream: "sends more than its Content-Length",
    start: sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[1]"),
    outcome: INVALID,
  },
  {
    upstream: "has a Content-Length that is no number",
    start: sends("HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n[1]"),
    outcome: INVALID,
  },
  {
    upstream: "closes within a chunk",
    start: sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1]"),
    outcome: INVALID,
  },

  // Upstreams that keep one waiting.
  {
    upstream: "says nothing",
    start: silent(""),
    part: { timeout: "100ms" },
    outcome: TIMEOUT,
  },
  {
    upstream: "says nothing after its head",
    start: silent("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"),
    part: { timeout: "100ms" },
    outcome: TIMEOUT,
  },
  { upstream: "drips", start: drips, part: { timeout: "100ms" }, outcome: TIMEOUT },

  // Bodies that are not what they should be.
  { upstream: "sends broken JSON", start: says('{"n":'), outcome: INVALID },
  { upstream: "sends JSON and more", start: says("[1] [2]"), outcome: INVALID },
  { upstream: "sends a BOM alone", start: says("\ufeff"), outcome: INVALID },
  {
    upstream: "sends what is not UTF-8",
    start: says(new Uint8Array([0x22, 0xe9, 0x22])),
    outcome: INVALID,
  },
  {
    upstream: "calls plain JSON gzip",
    start: sends("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n[1]"),
    outcome: INVALID,
  },
  {
    upstream: "sends more than maxBody",
    start: says(JSON.stringify("x".repeat(1023))),
    maxBody: "1KiB",
    outcome: INVALID,
  },
  {
    upstream: "sends exactly maxBody",
    start: says(JSON.stringify("x".repeat(1022))),
    maxBody: "1KiB",
    outcome: { data: "x".repeat(1022) },
  },
  {
    upstream: "sends gzip that becomes more than maxBody",
    start: gzip(JSON.stringify("x".repeat(1_000_000))),
    maxBody: "1KiB",
    outcome: INVALID,
  },

  // Statuses that are no answer.
  {
    upstream: "switches protocols",
    start: sends("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
    outcome: INVALID,
  },
  {
    upstream: "answers 999",
    start: sends("HTTP/1.1 999 Odd\r\nContent-Length: 3\r\n\r\n[1]"),
    outcome: INVALID,
  },
  {
    upstream: "redirects",
    start: status(302, null, { location: "http://127.0.0.1:1/elsewhere" }),
    outcome: INVALID,
  },
  { upstream: "says 304", start: status(304, null), outcome: INVALID },

  // Refusals.
  ...[400, 404, 409, 410, 422, 451].map((code): Behaviour => ({
    upstream: `says ${code}`,
    start: status(code),
    outcome: { kind: "upstream-refused", status: code },
  })),
  ...[402, 405, 406, 408, 412, 413, 415, 418, 421, 426, 431].map((code): Behaviour => ({
    upstream: `says ${code}`,
    start: status(code),
    outcome: ERROR,
  })),
  ...[500, 501, 502, 503, 504, 599].map((code): Behaviour => ({
    upstream: `says ${code}`,
    start: status(code, "<h1>at Object.<anonymous> (/srv/app.ts:7:3)</h1>", { "retry-after": "9" }),
    // Only with 503 does it say when the upstream is available again.
    outcome: code === 503 ? { ...ERROR, retryAfter: "9" } : ERROR,
  })),
  ...[401, 403].flatMap((code): Behaviour[] => [
    {
      upstream: `says ${code} to nobody's Authorization`,
      start: status(code, "", { "www-authenticate": 'Bearer realm="inside"' }),
      headers: AUTHORIZED.headers,
      outcome: ERROR,
    },
    {
      upstream: `says ${code} to the client's Authorization`,
      start: status(code, "", { "www-authenticate": 'Bearer realm="a"' }),
      ...AUTHORIZED,
      outcome: {
        kind: "upstream-refused",
        status: code,
        authenticate: 'Bearer realm="a"',
      },
    },
    {
      upstream: `says ${code} where the client has no Authorization to send on`,
      start: status(code, "", { "www-authenticate": 'Bearer realm="a"' }),
      part: AUTHORIZED.part,
      outcome: { kind: "upstream-refused", status: code, authenticate: 'Bearer realm="a"' },
    },
  ]),
  ...Object.entries({
    "17": "17",
    "Thu, 01 Jan 2026 00:00:07 GMT": "7",
    "Wed, 31 Dec 2025 23:59:59 GMT": "0",
    "": "1",
    "soon": "1",
  }).map(([asked, answered]): Behaviour => ({
    upstream: `says 429 with Retry-After "${asked}"`,
    start: status(429, "", { "retry-after": asked }),
    outcome: { kind: "overloaded", status: 503, retryAfter: answered },
  })),
  {
    upstream: "says 429 without Retry-After",
    start: status(429),
    outcome: { kind: "overloaded", status: 503, retryAfter: "1" },
  },
];

for (const behaviour of BEHAVIOURS) {
  for (const need of NEEDS) {
    const { upstream, outcome } = behaviour;
    const becomes = "data" in outcome
      ? "is complete"
      : need.standIn === undefined
      ? `fails with ${outcome.status} ${outcome.kind}`
      : `is incomplete: ${outcome.status} ${outcome.kind}`;
    Deno.test(`${need.name}: an upstream that ${upstream} -> the answer ${becomes}`, async () => {
      await check(behaviour, need);
    });
  }
}

async function check(behaviour: Behaviour, need: Need): Promise<void> {
  await using steady = startUpstream(() => Response.json({ steady: true }));
  await using odd = await behaviour.start();
  const { maxBody, part, headers = {}, outcome } = behaviour;
  await using gateway = startGateway({
    upstreams: {
      steady: { url: steady.url },
      odd: { url: odd.url, ...(maxBody && { maxBody }) },
    },
    routes: {
      "GET /both": {
        gather: { steady: { from: "steady" }, odd: { from: "odd", ...part, ...need.part } },
      },
    },
  }, part?.timeout === undefined ? { clock: new ManualClock(NOW) } : {});
  const response = await ask(`${gateway.url}/both`, {
    headers: { "x-request-id": "row-7", ...headers },
  });
  const expected = { id: "row-7", parts: ["odd", "steady"], hidden: [new URL(odd.url).port] };

  if ("data" in outcome) {
    const { data } = await readEnvelope(response, expected);
    assertEquals(data, { steady: { steady: true }, odd: outcome.data });
    assertEquals(response.headers.get("proxy-status"), null);
    assertEquals(gateway.log[0]?.problem, undefined);
  } else if (need.standIn !== undefined) {
    const { data, problems } = await readEnvelope(response, expected);
    assertEquals(data, { steady: { steady: true }, odd: need.standIn });
    assertEquals(problems?.map(({ part, status, type }) => [part, status, kindOf(type)]), [
      ["odd", outcome.status, outcome.kind],
    ]);
    assertEquals(failedParts(response), [`odd: ${outcome.kind}`]);
    assertEquals(response.headers.get("retry-after"), null);
  } else {
    const { problems } = await readProblem(response, { ...expected, ...outcome });
    assertEquals(problems?.map(({ part, status, type }) => [part, status, kindOf(type)]), [
      ["odd", outcome.status, outcome.kind],
    ]);
    assertEquals(failedParts(response), [`odd: ${outcome.kind}`]);
    assertEquals(response.headers.get("retry-after"), outcome.retryAfter ?? null);
    assertEquals(response.headers.get("www-authenticate"), outcome.authenticate ?? null);
  }
  assertEquals(gateway.errors, []);
}

function kindOf(type: string): string | undefined {
  return type.split("/").at(-1);
}

function says(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = { "content-type": "application/json" },
): () => Listening {
  return () => startUpstream(() => new Response(body, { headers }));
}

function status(
  code: number,
  body: string | null = "",
  headers: Readonly<Record<string, string>> = {},
): () => Listening {
  return () => startUpstream(() => new Response(body, { status: code, headers }));
}

function gzip(text: string): () => Listening {
  return () =>
    startUpstream(() =>
      new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")), {
        headers: { "content-encoding": "gzip" },
      })
    );
}

/** A listener that says this to whoever connects, then closes. */
function sends(...texts: readonly string[]): () => Listening {
  return () =>
    startRawUpstream(async (raw) => {
      for (const text of texts) await raw.send(text);
    });
}

/** A listener that says this, and then nothing until the other side closes. */
function silent(text: string): () => Listening {
  return () =>
    startRawUpstream(async (raw) => {
      await raw.send(text);
      await raw.closed();
    });
}

function drips(): Listening {
  return startRawUpstream(async (raw) => {
    await raw.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[");
    const closed = new AbortController();
    await Promise.all([raw.closed().then(() => closed.abort()), drip(raw, closed.signal)]);
  });
}

async function drip(raw: RawConnection, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await raw.send(" ");
    await delay(10, { signal });
  }
}

function refuses(): Listening {
  return { url: refusingUrl(), async [Symbol.asyncDispose]() {} };
}
