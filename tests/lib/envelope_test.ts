import { assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/bytes.ts";
import { Envelope } from "../../lib/envelope.ts";
import type { PartProblem } from "../../lib/problem.ts";

const encode = (text: string): Bytes => new TextEncoder().encode(text);

const PROBLEM: PartProblem = { part: "b", type: "/x", title: "T", status: 502, detail: 'a "d"' };

function write(
  names: readonly string[],
  values: readonly string[],
  problems: readonly PartProblem[] = [],
): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    new Envelope(names).write(values.map(encode), { isComplete: problems.length === 0, problems }),
  );
}

Deno.test("an envelope of no parts is empty and complete", () => {
  assertEquals(write([], []), '{"data":{},"complete":true}');
});

Deno.test("documents are spliced in as they came", () => {
  assertEquals(
    write(["a", "b"], [' { "x" : 1.0 }\n', '"\\u00e9"']),
    '{"data":{"a": { "x" : 1.0 }\n,"b":"\\u00e9"},"complete":true}',
  );
});

Deno.test("an empty answer is null, one that is not there is left out", () => {
  assertEquals(write(["a", "b"], [""]), '{"data":{"a":null},"complete":true}');
});

Deno.test("a byte order mark is left out, one within a text is not", () => {
  assertEquals(
    write(["a", "b"], ["\ufeff1", '"\ufeff"']),
    '{"data":{"a":1,"b":"\ufeff"},"complete":true}',
  );
});

Deno.test("bytes that have something of a byte order mark stay", () => {
  // The third byte of "¿" in quotes is a mark's third.
  assertEquals(write(["a"], ['"¿"']), '{"data":{"a":"¿"},"complete":true}');
});

Deno.test("a problem makes it incomplete, and stands beside the data", () => {
  assertEquals(
    write(["a", "b"], ["1", ""], [PROBLEM]),
    '{"data":{"a":1,"b":null},"complete":false,"problems":[' +
      '{"part":"b","type":"/x","title":"T","status":502,"detail":"a \\"d\\""}]}',
  );
});

Deno.test("any name is a key", () => {
  assertEquals(JSON.parse(write(['"\\', "__proto__"], ["1", "2"])), {
    data: JSON.parse('{"\\"\\\\":1,"__proto__":2}'),
    complete: true,
  });
});

Deno.test("an envelope is written many times", () => {
  const envelope = new Envelope(["a"]);
  const texts = ["1", "2"].map((value) =>
    new TextDecoder().decode(envelope.write([encode(value)], { isComplete: true, problems: [] }))
  );
  assertEquals(texts, ['{"data":{"a":1},"complete":true}', '{"data":{"a":2},"complete":true}']);
});
