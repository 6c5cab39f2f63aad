import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { ExactNumber } from "../../../lib/json/exact_number.ts";
import { JsonDocument, JsonTooDeep } from "../../../lib/json/json_document.ts";
import { readExactly } from "../../../lib/json/read_exactly.ts";
import { writeJson } from "../../../lib/json/write_json.ts";
import { nastyJson } from "../../support/nasty_json.ts";
import { property } from "../../support/random.ts";

const documentOf = (text: string) =>
  new JsonDocument(new TextEncoder().encode(text), JSON.parse(text.replace(/^\ufeff/, "")));

/** The numbers of a document without objects, as they stand there. */
const numbersOf = (text: string): readonly string[] =>
  text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d[\d.eE+-]*/g) ?? [];

property("values of a document are written byte for byte", 2000, (random) => {
  const text = `[${nastyJson(random)},${nastyJson(random)}]`;
  const written = JSON.stringify(documentOf(text).at([]));
  assertEquals(JSON.parse(written), JSON.parse(text), text);
  // Of members with one name only the last is written.
  if (!text.includes("{")) assertEquals(numbersOf(written), numbersOf(text), text);
});

Deno.test("only what JavaScript would change is no JavaScript number", () => {
  const document = documentOf('\ufeff{"id":9007199254740993,"n":1.5,"s":"10.10","l":[1e400,2]}');
  const id = document.at(["id"]);
  assertInstanceOf(id, ExactNumber);
  assertEquals(String(id), "9007199254740993");
  assertEquals([document.at(["n"]), document.at(["s"]), document.at(["x"])], [
    1.5,
    "10.10",
    undefined,
  ]);
  assertEquals(JSON.stringify(document.at(["l"])), "[1e400,2]");
  assertEquals(document.at(["l"]) === document.at(["l"]), true, "it is read once");
});

Deno.test("a value that is nested too deeply is refused, but not its siblings", () => {
  const deep = "[".repeat(1001) + "]".repeat(1001);
  const document = documentOf(`{"deep":${deep},"id":-0}`);
  assertThrows(() => document.at(["deep"]), JsonTooDeep, "must not be nested more than 1000 deep");
  assertEquals(String(document.at(["id"])), "-0");
});

Deno.test("an exact number is a number to JSON, a text to String, and near enough to arithmetic", () => {
  const price = new ExactNumber("10.10");
  assertEquals(JSON.stringify({ price }), '{"price":10.10}');
  assertEquals([String(price), Number(price), `${price}`], ["10.10", 10.1, "10.10"]);
  assertEquals(BigInt(String(new ExactNumber("9007199254740993"))), 9007199254740993n);
  for (const text of ["", "01", "1.", ".5", "+1", "NaN", "1e", "0x1", "1 ", '1,"a":2']) {
    assertThrows(() => new ExactNumber(text), SyntaxError, "is not a JSON number");
  }
});

Deno.test("names that come twice and __proto__ do no harm", () => {
  for (const exact of ["changed", "all"] as const) {
    const value = readExactly('{"a":1.0,"a":2.0,"__proto__":{"x":1.0}}', exact);
    assertEquals(JSON.stringify(value), '{"a":2.0,"__proto__":{"x":1.0}}');
    assertEquals(Object.getPrototypeOf(value), Object.prototype);
  }
});

Deno.test("a bigint is written as a number, at any depth", () => {
  assertEquals(
    writeJson({ id: 2n ** 64n, list: [-1n, 1.5] }),
    '{"id":18446744073709551616,"list":[-1,1.5]}',
  );
  const circle: unknown[] = [1n];
  circle.push(circle);
  assertThrows(() => writeJson(circle), TypeError);
});
