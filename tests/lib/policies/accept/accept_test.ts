import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body } from "../../../../lib/core/body.ts";
import { GatewayError } from "../../../../lib/core/errors.ts";
import { accept, type AcceptOptions } from "../../../../lib/policies/accept/accept.ts";
import type { Call, Reply } from "../../../../lib/core/source.ts";
import { testCall, testContext } from "../../../support/context.ts";
import { ManualClock } from "../../../support/manual_clock.ts";

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

function replyOf({ status = 200, headers = {}, body = "" }: Answer): Reply {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return { status, headers: new Headers(headers), body: Body.of(bytes) };
}

function take(answer: Answer, options: Partial<AcceptOptions> = {}, call: Partial<Call> = {}) {
  const policy = accept({
    as: "json",
    clock: new ManualClock(Date.UTC(2026, 0, 1)),
    ...options,
  });
  const source = policy(() => Promise.resolve(replyOf(answer)));
  return source(testCall(call), testContext());
}

async function failureOf(pending: Promise<Reply>): Promise<GatewayError> {
  return await assertRejects(() => pending, GatewayError);
}

const textOf = async ({ body }: Reply) => new TextDecoder().decode(await body.bytes(Infinity));

// Statuses.

for (const status of [200, 201, 204, 206, 299]) {
  Deno.test(`${status} is a success`, async () => {
    assertEquals((await take({ status, body: "1" })).status, status);
  });
}

const FAILURES: readonly (readonly [number, string])[] = [
  [300, "upstream-invalid 502"],
  [301, "upstream-invalid 502"],
  [304, "upstream-invalid 502"],
  [399, "upstream-invalid 502"],
  [400, "upstream-refused 400"],
  [401, "upstream-error 502"],
  [402, "upstream-error 502"],
  [403, "upstream-error 502"],
  [404, "upstream-refused 404"],
  [405, "upstream-error 502"],
  [408, "upstream-error 502"],
  [409, "upstream-refused 409"],
  [410, "upstream-refused 410"],
  [418, "upstream-error 502"],
  [422, "upstream-refused 422"],
  [429, "overloaded 503"],
  [451, "upstream-refused 451"],
  [499, "upstream-error 502"],
  [500, "upstream-error 502"],
  [503, "upstream-error 502"],
  [599, "upstream-error 502"],
];

for (const [status, kind] of FAILURES) {
  Deno.test(`${status} is ${kind}`, async () => {
    const error = await failureOf(take({ status, body: "not JSON" }));
    assertEquals(`${error.kind} ${error.status}`, kind);
    assertEquals(error.message, `the upstream returned ${status}`);
  });
}

for (const status of [401, 403]) {
  const headers = { "www-authenticate": 'Bearer realm="x"' };

  Deno.test(`${status} to the client's own Authorization is the client's`, async () => {
    const error = await failureOf(
      take({ status, headers }, { passesCredentials: true }),
    );
    assertEquals([error.kind, error.status], ["upstream-refused", status]);
    assertEquals(error.headers, headers);
  });

  Deno.test(`${status} to the gateway's own credentials is the upstream's, and no challenge`, async () => {
    const sent = { headers: new Headers({ authorization: "the gateway's" }) };
    const error = await failureOf(take({ status, headers }, {}, sent));
    assertEquals([error.kind, error.status, error.headers], ["upstream-error", 502, {}]);
  });
}

Deno.test("the client's own Authorization makes no other status the client's", async () => {
  for (const [status, kind] of FAILURES) {
    if (status === 401 || status === 403) continue;
    const error = await failureOf(take({ status }, { passesCredentials: true }));
    assertEquals(`${error.kind} ${error.status}`, kind);
  }
});

Deno.test("a refusal without a challenge carries no header", async () => {
  assertEquals((await failureOf(take({ status: 404 }))).headers, {});
});

Deno.test("what the source throws is passed on", async () => {
  const error = new GatewayError("upstream-timeout", "late");
  const clock = new ManualClock();
  const source = accept({ as: "json", clock })(() => Promise.reject(error));
  assertStrictEquals(await assertRejects(() => source(testCall(), testContext())), error);
});

// Retry-After.

const WAITS: readonly (readonly [string | undefined, string])[] = [
  [undefined, "1"],
  ["7", "7"],
  ["0", "0"],
  ["120", "120"],
  ["Thu, 01 Jan 2026 00:00:30 GMT", "30"],
  ["Thu, 01 Jan 2026 00:00:00 GMT", "0"],
  ["Wed, 31 Dec 2025 23:59:00 GMT", "0"],
  ["soon", "1"],
  ["", "1"],
  ["-5", "1"],
  ["1.5", "1"],
  ["9999999999", "1"],
];

for (const [value, seconds] of WAITS) {
  Deno.test(`a 429 with Retry-After ${value} lets the client wait ${seconds} s`, async () => {
    const headers = value === undefined ? {} : { "retry-after": value };
    const error = await failureOf(take({ status: 429, headers }));
    assertEquals(error.headers, { "retry-after": seconds });
  });
}

Deno.test("part of a second is a second more to wait", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1) - 29_001);
  const headers = { "retry-after": "Thu, 01 Jan 2026 00:00:00 GMT" };
  const error = await failureOf(take({ status: 429, headers }, { clock }));
  assertEquals(error.headers, { "retry-after": "30" });
});

// JSON.

for (const body of ["1", "null", ' {"a":[]}\n', '"é"', '\ufeff"mark"']) {
  Deno.test(`${JSON.stringify(body)} is JSON, and passes unchanged`, async () => {
    const reply = await take({ body, headers: { "content-type": "text/plain" } });
    assertEquals(await reply.body.bytes(100), new TextEncoder().encode(body));
  });
}

Deno.test("an empty response is a success with an empty body", async () => {
  assertEquals((await take({ status: 204 })).body.length, 0);
  assertEquals((await take({ status: 200 })).body.length, 0);
});

const BROKEN: readonly (string | Uint8Array<ArrayBuffer>)[] = [
  "<html>",
  "{",
  "1 2",
  " ",
  "\ufeff",
  "\ufeff\ufeff1",
  "NaN",
  new Uint8Array([0x22, 0xff, 0x22]),
];

for (const body of BROKEN) {
  Deno.test(`${JSON.stringify(body)} is not JSON`, async () => {
    const error = await failureOf(take({ body }));
    assertEquals([error.kind, error.message], [
      "upstream-invalid",
      "the upstream's response is not JSON",
    ]);
    assertEquals(error.cause instanceof Error, true);
  });
}

// Text.

const TEXTS: readonly (Answer & { readonly text: string })[] = [
  { body: "plain", text: "plain" },
  { body: 'a "quote"\n', text: 'a "quote"\n' },
  { body: '{"a":1}', text: '{"a":1}' },
  { body: "é", text: "é" },
  { body: "\ufeffmark", text: "mark" },
  {
    body: new Uint8Array([0xe9]),
    headers: { "content-type": "text/plain; charset=iso-8859-1" },
    text: "é",
  },
  {
    body: new Uint8Array([0xe9]),
    headers: { "content-type": 'text/plain;Charset = "Latin1"; x' },
    text: "é",
  },
  {
    body: new Uint8Array([0x61, 0]),
    headers: { "content-type": "text/plain;charset=utf-16le" },
    text: "a",
  },
  { body: new Uint8Array([0x61, 0xff]), text: "a\ufffd" },
];

for (const { text, ...answer } of TEXTS) {
  Deno.test(`as text, ${JSON.stringify(answer)} becomes a JSON string`, async () => {
    const reply = await take(answer, { as: "text" });
    assertEquals(await textOf(reply), JSON.stringify(text));
  });
}

Deno.test("as text, an empty response stays empty", async () => {
  assertEquals((await take({ status: 204 }, { as: "text" })).body.length, 0);
});

Deno.test("as text, status and headers stay", async () => {
  const reply = await take({ status: 201, headers: { "x-a": "1" }, body: "x" }, { as: "text" });
  assertEquals([reply.status, reply.headers.get("x-a")], [201, "1"]);
});

Deno.test("as text, an unknown charset is upstream-invalid", async () => {
  const headers = { "content-type": "text/plain; charset=klingon" };
  const error = await failureOf(take({ body: "x", headers }, { as: "text" }));
  assertEquals([error.kind, error.message], [
    "upstream-invalid",
    "the upstream's charset klingon is not supported",
  ]);
});

Deno.test("as text, a failure is a failure all the same", async () => {
  assertEquals((await failureOf(take({ status: 500 }, { as: "text" }))).kind, "upstream-error");
});
