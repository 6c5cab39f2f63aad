import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  type Blame,
  GatewayError,
  type Kind,
  KINDS,
  payloadTooLarge,
  toGatewayError,
} from "../../../lib/core/errors.ts";

/** What clients and operators rely on. */
const CONTRACT: Readonly<Record<Kind, readonly [number, Blame]>> = {
  "bad-request": [400, "client"],
  "not-found": [404, "client"],
  "method-not-allowed": [405, "client"],
  "request-timeout": [408, "client"],
  "payload-too-large": [413, "client"],
  "unsupported-media-type": [415, "client"],
  "unauthorized": [401, "client"],
  "forbidden": [403, "client"],
  "quota-exceeded": [429, "client"],
  "cancelled": [499, "client"],
  "internal": [500, "gateway"],
  "not-implemented": [501, "gateway"],
  "overloaded": [503, "gateway"],
  "breaker-open": [503, "gateway"],
  "limiter-unavailable": [503, "gateway"],
  "auth-unavailable": [503, "gateway"],
  "loop": [508, "gateway"],
  "upstream-refused": [404, "upstream"],
  "upstream-unreachable": [502, "upstream"],
  "upstream-invalid": [502, "upstream"],
  "upstream-error": [502, "upstream"],
  "upstream-timeout": [504, "upstream"],
  "deadline-exceeded": [504, "upstream"],
  "not-begun": [504, "upstream"],
  "input-failed": [502, "input"],
  "input-invalid": [502, "input"],
  "too-many-items": [502, "input"],
};

/** RFC 9209 section 2.3. */
const PROXY_ERRORS = [
  "connection_limit_reached",
  "proxy_loop_detected",
  "http_request_denied",
  "destination_unavailable",
  "http_protocol_error",
  "http_response_timeout",
];

Deno.test("each kind has its status and its blame", () => {
  const facts = Object.entries(KINDS).map(([kind, { status, blame }]) => [kind, [status, blame]]);
  assertEquals(Object.fromEntries(facts), CONTRACT);
});

Deno.test("each kind says what it is and what to do", () => {
  const kinds = Object.values(KINDS);
  for (const { title, advice } of kinds) {
    assert(/^[A-Z]/.test(title) && advice.endsWith("."), title);
  }
  assertEquals(new Set(kinds.map(({ title }) => title)).size, kinds.length);
});

Deno.test("each kind that blames an upstream has an error type of RFC 9209", () => {
  for (const [kind, facts] of Object.entries(KINDS)) {
    const proxyError = "proxyError" in facts ? facts.proxyError : undefined;
    if (facts.blame === "upstream") assert(proxyError !== undefined, kind);
    if (proxyError !== undefined) assert(PROXY_ERRORS.includes(proxyError), proxyError);
  }
});

Deno.test("an error has its kind's status and blame, and nothing more", () => {
  const error = new GatewayError("upstream-timeout", "no response within 5 ms");
  assertEquals(
    [error.name, error.kind, error.status, error.blame, error.message],
    ["GatewayError", "upstream-timeout", 504, "upstream", "no response within 5 ms"],
  );
  assertEquals([error.headers, error.failures], [{}, []]);
  assert(!("cause" in error));
});

Deno.test("an error may carry a status, headers, failures and a cause of its own", () => {
  const cause = new Error("the reason");
  const failures = [{ part: "a", error: new GatewayError("internal", "oops") }];
  const headers = { "retry-after": "1" };
  const error = new GatewayError("upstream-refused", "no", {
    status: 451,
    headers,
    failures,
    cause,
  });
  assertEquals([error.status, error.headers, error.failures], [451, headers, failures]);
  assertStrictEquals(error.cause, cause);
});

Deno.test("a GatewayError stays itself", () => {
  const error = new GatewayError("loop", "round and round");
  assertStrictEquals(toGatewayError(error), error);
});

Deno.test("anything else that is thrown is our own mistake, and tells a client nothing", () => {
  for (const thrown of [new Error("password=x"), "text", null, { kind: "loop" }]) {
    const error = toGatewayError(thrown);
    assertEquals([error.kind, error.message], [
      "internal",
      "an unexpected error; see the gateway's log",
    ]);
    assertStrictEquals(error.cause, thrown);
  }
});

Deno.test("the error of a body that is too large names the limit", () => {
  const error = payloadTooLarge(1024);
  assertEquals([error.kind, error.message], [
    "payload-too-large",
    "the request body is larger than 1024 bytes",
  ]);
});
