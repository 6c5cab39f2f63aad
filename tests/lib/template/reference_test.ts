import { assertEquals } from "@std/assert";
import {
  isClients,
  isIdentifier,
  parseOnlyName,
  parseReference,
  type Reference,
} from "../../../lib/template/reference.ts";

const REFERENCES: readonly (readonly [string, Reference])[] = [
  ["id", { from: "param or part", name: "id", path: [] }],
  ["_Id9", { from: "param or part", name: "_Id9", path: [] }],
  ["profile.cityId", { from: "param or part", name: "profile", path: ["cityId"] }],
  ["profile.a.0.b-c", { from: "param or part", name: "profile", path: ["a", "0", "b-c"] }],
  ["item", { from: "item", path: [] }],
  ["item.id.x", { from: "item", path: ["id", "x"] }],
  ["items", { from: "param or part", name: "items", path: [] }],
  ["body.a.b", { from: "body", path: ["a", "b"] }],
  ["bodyguard.a", { from: "param or part", name: "bodyguard", path: ["a"] }],
  ["query.x", { from: "query", name: "x" }],
  ["query.x.y", { from: "query", name: "x.y" }],
  ["header.x-api-key", { from: "header", name: "x-api-key" }],
  ["constructor.prototype", { from: "param or part", name: "constructor", path: ["prototype"] }],
];
for (const [text, reference] of REFERENCES) {
  Deno.test(`${text} refers to ${reference.from}`, () => {
    assertEquals(parseReference(text), reference);
    assertEquals(parseOnlyName(`{${text}}`), { name: text, reference });
  });
}

const NONE = [
  "",
  " id",
  "1a",
  "a-b",
  "é",
  "a b",
  "a.",
  ".a",
  "a..b",
  "a.b c",
  "a.é",
  "body",
  "body.",
  "query",
  "query.",
  "query..x",
  "query.x.",
  "query.a b",
  "header",
  "header.",
  "header.a:b",
  "item.",
  "a/b",
  "a[0]",
  "+id",
  "a,b",
];
for (const text of NONE) {
  Deno.test(`${JSON.stringify(text)} is no reference`, () => {
    assertEquals(parseReference(text), undefined);
    assertEquals(parseOnlyName(`{${text}}`), undefined);
  });
}

for (const text of ["id", "{id", "id}", "{id}x", "x{id}", "{{id}}", "{id}{id}", "{id}\n", ""]) {
  Deno.test(`${JSON.stringify(text)} is more or less than one name`, () => {
    assertEquals(parseOnlyName(text), undefined);
  });
}

Deno.test("a value that the client may omit differs from one of a part or a route", () => {
  const clients = ["query.x", "header.x", "body.x", "id", "item", "a.b"].filter((text) => {
    const reference = parseReference(text);
    return reference && isClients(reference);
  });
  assertEquals(clients, ["query.x", "header.x", "body.x"]);
});

Deno.test("an identifier has letters, digits and _, and begins with no digit", () => {
  const names = ["a", "_", "A1_", "", "1", "a-b", "a.b", "é", "a\n"];
  assertEquals(names.filter(isIdentifier), ["a", "_", "A1_"]);
});
