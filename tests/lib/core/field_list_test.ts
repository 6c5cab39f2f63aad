import { assertEquals, assertThrows } from "@std/assert";
import { FieldList } from "../../../lib/core/field_list.ts";
import { Random } from "../../support/random.ts";

Deno.test("a FieldList behaves like Headers under random operations", () => {
  const random = new Random(7);
  const names = ["accept", "Accept", "b", "B", "set-cookie", "Set-Cookie", "x-y", "zz"];
  const values = ["1", " 2 ", "a, b", "\tq", "ünï".slice(0, 1), "text/html; q=0.5"];
  for (let run = 0; run < 300; run++) {
    const ours = new FieldList();
    const theirs = new Headers();
    for (let step = 0; step < 12; step++) {
      const [name, value] = [random.pick(names), random.pick(values)];
      const act = random.pick(["append", "append", "set", "delete"] as const);
      for (const headers of [ours, theirs]) headers[act](name, value);
      assertEquals(ours.get(name), theirs.get(name));
      assertEquals(ours.has(name), theirs.has(name));
      assertEquals([...ours], [...theirs]);
      assertEquals([...ours.keys()], [...theirs.keys()]);
      assertEquals([...ours.values()], [...theirs.values()]);
      assertEquals(ours.getSetCookie(), theirs.getSetCookie());
      assertEquals([...new FieldList(ours)], [...theirs]);
      assertEquals([...new FieldList(theirs)], [...theirs]);
      assertEquals([...new Headers(ours.pairs())], [...theirs]);
      assertEquals([...new Headers(ours)], [...new Headers(theirs)]);
    }
  }
});

Deno.test("a FieldList refuses what Headers refuses", () => {
  const bad: [name: string, value: string][] = [
    ["", "a"],
    ["a b", "a"],
    ["é", "a"],
    ["a:", "a"],
    ["a", "b\nc"],
    ["a", "b\0"],
    ["a", "€"],
  ];
  for (const [name, value] of bad) {
    assertThrows(() => new Headers().append(name, value), TypeError);
    assertThrows(() => new FieldList().append(name, value), TypeError);
    assertThrows(() => new FieldList().set(name, value), TypeError);
  }
  assertThrows(() => new FieldList().get("a b"), TypeError);
});

Deno.test("a copy of a FieldList is its own", () => {
  const fields = FieldList.of({ "A": "1" });
  const copy = new FieldList(fields);
  copy.append("a", "2");
  assertEquals([fields.get("a"), copy.get("a")], ["1", "1, 2"]);
});

Deno.test("a frozen FieldList cannot be changed, and its copy can", () => {
  const fields = FieldList.trusted(["b", "1", "a", "2"]).freeze();
  const changes = [
    () => fields.append("a", "3"),
    () => fields.add("a", "3"),
    () => fields.set("a", "3"),
    () => fields.put("a", "3"),
    () => fields.delete("a"),
  ];
  for (const change of changes) assertThrows(change, TypeError, "cannot be changed");
  assertEquals([...fields], [["a", "2"], ["b", "1"]]);
  const copy = new FieldList(fields);
  copy.append("a", "3");
  assertEquals([...copy], [["a", "2, 3"], ["b", "1"]]);
});

Deno.test("each field is visited in order, and those of one name are not combined", () => {
  const fields = new FieldList([["b", "1"], ["A", "2"], ["b", "3"]]);
  const seen: string[] = [];
  fields.each((name, value) => seen.push(`${name}: ${value}`));
  assertEquals(seen, ["b: 1", "a: 2", "b: 3"]);
});
