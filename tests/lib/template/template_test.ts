import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { Inputs } from "../../../lib/template/inputs.ts";
import { JsonDocument } from "../../../lib/json/json_document.ts";
import {
  type Json,
  parsePathTemplate,
  parseValueTemplate,
} from "../../../lib/template/template.ts";
import { literal } from "../../../lib/template/literal.ts";
import { TemplateError } from "../../../lib/template/template_error.ts";
import { nastyText } from "../../support/nasty_text.ts";
import { property } from "../../support/random.ts";
import { type Given, inputsOf } from "../../support/templated.ts";

const expandValue = (template: Json, given: Given = {}) =>
  parseValueTemplate(template).expand(inputsOf(given));

const VALUES: readonly {
  readonly template: Json;
  readonly given?: Given;
  readonly value: unknown;
}[] = [
  { template: "plain", value: "plain" },
  { template: "", value: "" },
  { template: 5, value: 5 },
  { template: false, value: false },
  { template: null, value: null },
  { template: "{id}", given: { params: { id: "7" } }, value: "7" },
  { template: "{body.n}", given: { body: { n: 7 } }, value: 7 },
  { template: "{body.n}", given: { body: { n: null } }, value: null },
  { template: "{body.list}", given: { body: { list: [1, { a: 2 }] } }, value: [1, { a: 2 }] },
  { template: "{body.n}", value: undefined },
  { template: "{query.q}", value: undefined },
  { template: "n={body.n}", given: { body: { n: 7 } }, value: "n=7" },
  { template: "{body.n} ", given: { body: { n: 7 } }, value: "7 " },
  { template: "{a}{b}", given: { params: { a: "1", b: "2" } }, value: "12" },
  { template: "<{a}-{b}>", given: { params: { a: "1", b: "2" } }, value: "<1-2>" },
  { template: "<{query.q}>", value: "<>" },
  { template: "<{body.n}>", given: { body: { n: null } }, value: "<>" },
  { template: "<{body.n}>", given: { body: { n: 0 } }, value: "<0>" },
  { template: "<{id}>", given: { params: { id: "a/b {x}" } }, value: "<a/b {x}>" },
  { template: ["{id}", 1, ["{id}"]], given: { params: { id: "7" } }, value: ["7", 1, ["7"]] },
  {
    template: { a: "{id}", b: { c: "<{id}>" } },
    given: { params: { id: "7" } },
    value: { a: "7", b: { c: "<7>" } },
  },
  { template: "{{ id }}", value: "{ id }" },
  { template: "{{{a}}}", given: { params: { a: "1" } }, value: "{1}" },
  { template: "}}{{{{", value: "}{{" },
  {
    template: `{query["}}"]}|${literal('{ a(x: "{y}") { b } }')}`,
    given: { query: "?%7D%7D=1" },
    value: '1|{ a(x: "{y}") { b } }',
  },
  { template: { "{id}": 1 }, given: { params: { id: "7" } }, value: { "{id}": 1 } },
];

for (const { template, given = {}, value } of VALUES) {
  Deno.test(`the value ${JSON.stringify(template)} becomes ${JSON.stringify(value)}`, () => {
    assertEquals(expandValue(template, given), value);
  });
}

Deno.test("a text made of a value that is no text is refused", () => {
  for (const body of [{ x: {} }, { x: [1] }]) {
    const error = assertThrows(() => expandValue("<{body.x}>", { body }), GatewayError);
    assertEquals(error.message, "body.x: must be a string, a number or a boolean");
  }
  const error = assertThrows(() => expandValue("<{body.x}>", { body: { x: "\ud83d" } }));
  assertInstanceOf(error, GatewayError);
  assertEquals(error.message, "body.x: must be valid Unicode");
});

Deno.test("a value names all that it refers to, however deep", () => {
  const { names } = parseValueTemplate({ a: ["{id}", { b: "{query.q} {header.h}" }], c: 1 });
  assertEquals(names.map(({ name }) => name), ["id", "query.q", "header.h"]);
});

for (const template of ["{id", "{+id}", ["{profile.}"], { a: "}" }]) {
  Deno.test(`the value template ${JSON.stringify(template)} breaks a rule`, () => {
    assertThrows(() => parseValueTemplate(template), TemplateError);
  });
}

property("a text contains a client's value unchanged", 300, (random) => {
  const [before, value, after] = [nastyText(random), nastyText(random), nastyText(random)]
    .map((text) => text.replaceAll(/[{}]/g, "").toWellFormed());
  const text = expandValue(`${before}{id}${after}.`, { params: { id: value ?? "" } });
  assertEquals(text, `${before}${value}${after}.`);
});

// Parts' data.

/** Inputs with the data of the part `user` and an item, after the dry run. */
function answered(user: unknown, item?: unknown, given: Given = {}): Inputs {
  const inputs = inputsOf(given);
  inputs.outputs.set("user", JsonDocument.of(user));
  return inputs.withItem(item).afterDryRun();
}

Deno.test("a path contains a part's value, encoded, and an item", () => {
  const { expand, names } = parsePathTemplate("/{user.id}/{item.x}{?user.lang,query.q}");
  assertEquals(names.map(({ name }) => name), ["user.id", "item.x", "user.lang", "query.q"]);
  assertEquals(
    expand(answered({ id: "a/b", lang: "d&e" }, { x: 7 })),
    "/a%2Fb/7?lang=d%26e",
  );
});

for (
  const [template, user, item, detail] of [
    ["/{user.id}", {}, 1, "user.id: is missing"],
    ["/{user.id}", { id: null }, 1, "user.id: must be a string, a number or a boolean"],
    ["/{user}", { id: 1 }, 1, "user: must be a string, a number or a boolean"],
    ["/a{?user.id}", {}, 1, "user.id: is missing"],
    ["/a{?user.id}", { id: null }, 1, "user.id: must be a string, a number or a boolean"],
    ["/{user.id}", { id: "" }, 1, 'user.id: must not be empty, "." or ".."'],
    ["/a/{user.id}/b", { id: ".." }, 1, 'user.id: must not be empty, "." or ".."'],
    ["/{item}", {}, ".", 'item: must not be empty, "." or ".."'],
    ["/{item.id}", {}, "text", "item.id: is missing"],
    ["/{user.id}", { id: "\udc00" }, 1, "user.id: must be valid Unicode"],
  ] as const
) {
  Deno.test(`${template} of ${JSON.stringify([user, item])} is a part's mistake`, () => {
    const error = assertThrows(
      () => parsePathTemplate(template).expand(answered(user, item)),
      GatewayError,
    );
    assertEquals([error.kind, error.message], ["input-invalid", detail]);
  });
}

Deno.test("a value keeps the type that a part gave it", () => {
  const template = {
    whole: "{user}",
    deep: ["{user.tags}"],
    text: "<{user.n}{item}>",
    i: "{item}",
  };
  const user = { tags: [1, null], n: 0 };
  assertEquals(parseValueTemplate(template).expand(answered(user, false)), {
    whole: user,
    deep: [[1, null]],
    text: "<0false>",
    i: false,
  });
});

Deno.test("null that a part gave stays null in a value, and is no text", () => {
  assertEquals(parseValueTemplate("{user.x}").expand(answered({ x: null })), null);
  const error = assertThrows(
    () => parseValueTemplate("<{user.x}>").expand(answered({ x: null })),
    GatewayError,
  );
  assertEquals(error.kind, "input-invalid");
});

Deno.test("a template that is tried holds what the client sent, and something for the rest", () => {
  const trial = inputsOf({ params: { id: "7" } }).dryRun();
  assertEquals(parsePathTemplate("/{id}/{user.x}/{item}").expand(trial), "/7/x/x");
  const dots = inputsOf({ params: { id: ".." } }).dryRun();
  const error = assertThrows(() => parsePathTemplate("/{id}/{user.x}").expand(dots), GatewayError);
  assertEquals(error.kind, "bad-request");
});

property("a part's value never becomes another segment or parameter", 500, (random) => {
  const value = nastyText(random);
  let path: string;
  try {
    path = parsePathTemplate("/a/{user.x}/b{?item}").expand(answered({ x: value }, value));
  } catch (error) {
    assertInstanceOf(error, GatewayError);
    assertEquals(error.kind, "input-invalid");
    assert(["", ".", ".."].includes(value) || !value.isWellFormed(), value);
    return;
  }
  const url = new URL(`http://upstream${path}`);
  assertEquals(url.pathname.split("/").map(decodeURIComponent), ["", "a", value, "b"]);
  assertEquals([...url.searchParams], [["item", value]]);
});
