import { assertEquals } from "@std/assert";
import { FieldList } from "../../../lib/core/field_list.ts";
import { originOf } from "../../../lib/transport/socket/origin.ts";
import { encodeHead, headLength, requestHead } from "../../../lib/transport/socket/request_head.ts";

/** The head of a request with these headers, as sent. */
function sent(headers: Headers, expectedTimeout: string | undefined = "90"): string[] {
  const head = requestHead({ method: "GET", path: "/a", headers }, {
    origin: originOf(new URL("http://example.org")),
    basePath: "",
    body: undefined,
    expectedTimeout,
    trace: undefined,
  });
  const bytes = new Uint8Array(headLength(head));
  encodeHead(head, bytes);
  return new TextDecoder().decode(bytes).split("\r\n").sort();
}

const own = { accept: "a/b", host: "evil.example", connection: "close", "x-a": "1" };

Deno.test("headers that requests share are sent as those of one request are", () => {
  const shared = FieldList.of(own).freeze();
  for (let call = 0; call < 2; call++) {
    assertEquals(sent(shared), sent(FieldList.of(own)));
    assertEquals(sent(shared, undefined), sent(FieldList.of(own), undefined));
  }
  assertEquals(sent(shared).filter((line) => /^(?:host|connection)/.test(line)), [
    "host: example.org",
  ]);
});

Deno.test("shared headers have no second value of a header that is replaced", () => {
  const headers = FieldList.of({ ...own, "x-envoy-expected-rq-timeout-ms": "7" }).freeze();
  assertEquals(sent(headers).filter((line) => line.startsWith("x-envoy")), [
    "x-envoy-expected-rq-timeout-ms: 90",
  ]);
});
