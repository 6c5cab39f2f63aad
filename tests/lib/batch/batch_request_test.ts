import { assertEquals, assertThrows } from "@std/assert";
import { readBatch } from "../../../lib/batch/batch_request.ts";
import { GatewayError } from "../../../lib/core/errors.ts";

const read = (text: string) => readBatch(new TextEncoder().encode(text), 20);

Deno.test("a batch's bodies keep the digits of their numbers", () => {
  const body = '{"id":9007199254740993,"price":10.10,"n":[1e400,-0]}';
  const [item] = read(`{"requests":[{"path":"/a","body":${body}}]}`);
  assertEquals(JSON.stringify(item?.body), body);
});

Deno.test("a number that keeps its digits is no object either", () => {
  for (
    const [text, pointers] of [
      ["10.10", ["#"]],
      ['{"requests":[10.10]}', ["#/requests/0"]],
      ['{"requests":[{"path":1.0,"method":1.0,"headers":1.0}]}', [
        "#/requests/0/path",
        "#/requests/0/method",
        "#/requests/0/headers",
      ]],
    ] as const
  ) {
    const { errors } = assertThrows(() => read(text), GatewayError).extensions;
    const reported: unknown[] = Array.isArray(errors) ? errors.map(({ pointer }) => pointer) : [];
    assertEquals(reported, [...pointers], text);
  }
});

Deno.test("a batch that is nested without end is refused", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  assertThrows(() => read(`{"requests":[{"path":"/a","body":${deep}}]}`), GatewayError);
});
