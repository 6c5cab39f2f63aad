import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Bytes } from "../../../lib/core/bytes.ts";
import { documentOf, jsonBytes, listOf, oneLine } from "../../../lib/json/json_bytes.ts";
import { property } from "../../support/random.ts";

const encode = (text: string): Bytes => new TextEncoder().encode(text);
const decode = (bytes: Bytes) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

for (
  const [answer, document] of [
    ["", "null"],
    ["1", "1"],
    ["\ufeff1", "1"],
    ["\ufeff \n{}", " \n{}"],
    ['"\ufeff"', '"\ufeff"'],
    ['"¿"', '"¿"'],
    [" \ufeff1", " \ufeff1"],
  ] as const
) {
  Deno.test(`${JSON.stringify(answer)} becomes ${JSON.stringify(document)} within another`, () => {
    assertEquals(decode(documentOf(encode(answer))), document);
  });
}

Deno.test("bytes that are cut off within a byte order mark stay", () => {
  for (const bytes of [[0xef], [0xef, 0xbb], [0xef, 0xbb, 0x31], [0x31, 0xbb, 0xbf]]) {
    assertEquals([...documentOf(new Uint8Array(bytes))], bytes);
  }
});

Deno.test("a list has its results, and null where one is missing", () => {
  assertEquals(decode(listOf([])), "[]");
  assertEquals(decode(listOf([undefined])), "[null]");
  const answers = [encode("1"), undefined, encode(""), encode('\ufeff{"a": 1}\n')];
  assertEquals(decode(listOf(answers)), '[1,null,null,{"a": 1}\n]');
});

Deno.test("a document of one line is unchanged, one of several becomes one line", () => {
  const document = encode('{"a":"\\n\u2028"}');
  assertStrictEquals(oneLine(document), document);
  const lines = encode('{\r\n"a":\r1\n}');
  assertEquals(decode(oneLine(lines)), '{  "a": 1 }');
  assertEquals(decode(lines), '{\r\n"a":\r1\n}', "others have it too");
});

Deno.test("a value is written as JSON", () => {
  assertEquals(decode(jsonBytes({ a: [1, "é", undefined], b: undefined })), '{"a":[1,"é",null]}');
});

property("a document on one line means the same", 300, (random) => {
  const pieces = ['"a"', "[", "]", "é", "\n", "\r", "\u2028", "1"];
  const value = random.list(0, 4, () => random.text(pieces, 5));
  const spaces = ["\n", "\r\n", "\r", " ", ""];
  const text = JSON.stringify(value, null, 2).replaceAll("\n", () => random.pick(spaces));
  const line = decode(oneLine(encode(text)));
  assertEquals(/[\r\n]/.test(line), false);
  assertEquals(JSON.parse(line), value);
});
