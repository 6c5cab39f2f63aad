import { assertEquals } from "@std/assert";
import { type Bytes, joinBytes } from "../../../lib/core/bytes.ts";
import { Envelope, writeOnly } from "../../../lib/gather/envelope.ts";
import type { PartProblem } from "../../../lib/http/problem.ts";

const encode = (text: string): Bytes => new TextEncoder().encode(text);

const PROBLEM: PartProblem = { part: "b", type: "/x", title: "T", status: 502, detail: 'a "d"' };

function write(
  names: readonly string[],
  values: readonly string[],
  problems: readonly PartProblem[] = [],
): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    joinBytes(
      new Envelope(names).write(values.map(encode), {
        isComplete: problems.length === 0,
        problems,
      }),
    ),
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

Deno.test("an empty body is null, a missing one is left out", () => {
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

Deno.test("a problem makes the response incomplete, and is beside the data", () => {
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
    textOf(envelope.write([encode(value)], { isComplete: true, problems: [] }))
  );
  assertEquals(texts, ['{"data":{"a":1},"complete":true}', '{"data":{"a":2},"complete":true}']);
});

const textOf = (chunks: readonly Bytes[]) =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(joinBytes(chunks));

Deno.test("a part that is left out leaves no comma behind", () => {
  const envelope = new Envelope(["a", "b", "c"]);
  for (
    const [values, data] of [
      [[undefined, undefined, undefined], ""],
      [["1", undefined, undefined], '"a":1'],
      [[undefined, "2", undefined], '"b":2'],
      [[undefined, undefined, "3"], '"c":3'],
      [["1", undefined, "3"], '"a":1,"c":3'],
    ] as const
  ) {
    const answers = values.map((value) => value && encode(value));
    assertEquals(
      textOf(envelope.write(answers, { isComplete: true, problems: [] })),
      `{"data":{${data}},"complete":true}`,
    );
  }
});

Deno.test("a complete response may have problems, and an incomplete one may have none", () => {
  const problem = JSON.stringify(PROBLEM);
  const write = (isComplete: boolean, problems: readonly PartProblem[]) =>
    textOf(new Envelope([]).write([], { isComplete, problems }));
  assertEquals(write(true, [PROBLEM]), `{"data":{},"complete":true,"problems":[${problem}]}`);
  assertEquals(write(false, []), '{"data":{},"complete":false}');
  assertEquals(
    write(false, [PROBLEM, PROBLEM]),
    `{"data":{},"complete":false,"problems":[${problem},${problem}]}`,
  );
});

Deno.test("the winner's response of a race is the data itself", () => {
  const complete = { isComplete: true, problems: [] };
  for (
    const [answer, data] of [["", "null"], ["\ufeff[1 ]", "[1 ]"], ['"x"\n', '"x"\n']] as const
  ) {
    assertEquals(textOf(writeOnly(encode(answer), complete)), `{"data":${data},"complete":true}`);
  }
  assertEquals(
    textOf(writeOnly(encode("1"), { isComplete: true, problems: [PROBLEM] })),
    `{"data":1,"complete":true,"problems":[${JSON.stringify(PROBLEM)}]}`,
  );
});
