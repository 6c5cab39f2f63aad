import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { parseTemplate } from "url-template";
import { GatewayError } from "../../../lib/core/errors.ts";
import { parsePathTemplate } from "../../../lib/template/template.ts";
import { TemplateError } from "../../../lib/template/template_error.ts";
import { nastyText } from "../../support/nasty_text.ts";
import { property } from "../../support/random.ts";
import { type Given, inputsOf } from "../../support/templated.ts";

const expandPath = (template: string, given: Given = {}) =>
  parsePathTemplate(template).expand(inputsOf(given));

const PATHS: readonly {
  readonly template: string;
  readonly given?: Given;
  readonly path: string;
}[] = [
  { template: "/", path: "/" },
  { template: "/a//b/?x=1&y", path: "/a//b/?x=1&y" },
  { template: "/a/{id}", given: { params: { id: "7" } }, path: "/a/7" },
  { template: "/a//{id}", given: { params: { id: "7" } }, path: "/a//7" },
  { template: "/{a}{b}/{a}", given: { params: { a: "1", b: "2" } }, path: "/12/1" },
  { template: "/{a,b}", given: { params: { a: "1", b: "2" } }, path: "/1,2" },
  {
    template: "/a/{id}",
    given: { params: { id: "a/b?c#d&e=f%g" } },
    path: "/a/a%2Fb%3Fc%23d%26e%3Df%25g",
  },
  { template: "/a/{id}", given: { params: { id: "é 😀" } }, path: "/a/%C3%A9%20%F0%9F%98%80" },
  { template: "/a/{id}", given: { params: { id: "!'()*" } }, path: "/a/%21%27%28%29%2A" },
  { template: "/a/{id}", given: { params: { id: "a\nb" } }, path: "/a/a%0Ab" },
  { template: "/a/{id}", given: { params: { id: "..." } }, path: "/a/..." },
  { template: "/a/{id}", given: { params: { id: "%2e%2e" } }, path: "/a/%252e%252e" },
  { template: "/a/x{id}y", given: { params: { id: "" } }, path: "/a/xy" },
  { template: "/.{id}", given: { params: { id: "x" } }, path: "/.x" },
  { template: "/a/{query.q}", given: { query: "?q=1" }, path: "/a/1" },
  { template: "/a/{header.x-id}", given: { headers: { "X-Id": "1" } }, path: "/a/1" },
  { template: "/a/{body.user.id}", given: { body: { user: { id: 7 } } }, path: "/a/7" },
  { template: "/a/{body.on}", given: { body: { on: false } }, path: "/a/false" },
  { template: "/a{?query.lang}", given: { query: "?lang=de" }, path: "/a?lang=de" },
  { template: "/a{?query.lang}", path: "/a" },
  { template: "/a{?query.lang}", given: { query: "?lang=" }, path: "/a?lang=" },
  {
    template: "/a{?query.lang,body.user.page}",
    given: { query: "?lang=de", body: { user: { page: 2 } } },
    path: "/a?lang=de&page=2",
  },
  { template: "/a{?query.lang,query.page}", given: { query: "?page=2" }, path: "/a?page=2" },
  { template: "/a?x=1{&query.lang}", given: { query: "?lang=d%26e" }, path: "/a?x=1&lang=d%26e" },
  { template: "/a?x=1{&query.lang}", path: "/a?x=1" },
  {
    template: "/a{?query.x}{&query.y}",
    given: { query: "?x=1&y=2" },
    path: "/a?x=1&y=2",
  },
  { template: "/a{?body.n}", given: { body: { n: null } }, path: "/a" },
  { template: "/a{?query.t}", given: { query: "?t=a&t=&t=b+c" }, path: "/a?t=a&t=&t=b%20c" },
  { template: "/a{?query.t*}", given: { query: "?t=a&t=b" }, path: "/a?t=a&t=b" },
  { template: "/a?x{&body.t}", given: { body: { t: [1, "b", null] } }, path: "/a?x&t=1&t=b" },
  { template: "/a{?query.page.size}", given: { query: "?page.size=5" }, path: "/a?page.size=5" },
  {
    template: "/a{?query.filter[name],query.ids[]}",
    given: { query: "?filter[name]=x&ids[]=1&ids%5B%5D=2" },
    path: "/a?filter%5Bname%5D=x&ids%5B%5D=1&ids%5B%5D=2",
  },
  {
    template: '/{query["a, {b}"]}{?query["c d"]}',
    given: { query: "?a,+{b}=1&c+d=2" },
    path: "/1?c%20d=2",
  },
  { template: "/a{?body.n}", given: { body: { n: 0 } }, path: "/a?n=0" },
  { template: "/a?to={query.to}", given: { query: "?to=../.." }, path: "/a?to=..%2F.." },
  { template: "/a?to=/{query.to}", given: { query: "?to=" }, path: "/a?to=/" },
  { template: "/a?to=/../b", path: "/a?to=/../b" },
  {
    template: "/{id}{?query.dots}",
    given: { params: { id: "1" }, query: "?dots=.." },
    path: "/1?dots=..",
  },
];

for (const { template, given = {}, path } of PATHS) {
  Deno.test(`the path ${template} becomes ${path}`, () => {
    assertEquals(expandPath(template, given), path);
  });
}

const REFUSED_PATHS: readonly {
  readonly template: string;
  readonly given?: Given;
  readonly detail: string;
}[] = [
  {
    template: "/a/{id}",
    given: { params: { id: "" } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/a/{id}",
    given: { params: { id: "." } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/a/{id}",
    given: { params: { id: ".." } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/{id}/b",
    given: { params: { id: "" } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/{id}",
    given: { params: { id: "" } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/a//{id}",
    given: { params: { id: "" } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/{id}?x",
    given: { params: { id: ".." } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/{id}{?query.x}",
    given: { params: { id: ".." } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/.{id}",
    given: { params: { id: "" } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/.{id}",
    given: { params: { id: "." } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/{a}{b}",
    given: { params: { a: ".", b: "." } },
    detail: 'a, b: must not be empty, "." or ".."',
  },
  {
    template: "/a/{id}",
    given: { params: { id: "x/../y" } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/a/{id}",
    given: { params: { id: "x\\..\\y" } },
    detail: 'id: must not be empty, "." or ".."',
  },
  {
    template: "/{id}?to={query.to}",
    given: { params: { id: ".." }, query: "?to=x" },
    detail: 'id: must not be empty, "." or ".."',
  },
  { template: "/a/{id}", detail: "id: is missing" },
  {
    template: "/a/{query.q}",
    given: { query: "?q=1&q=2" },
    detail: "query.q: must be sent only once; got 2 values",
  },
  { template: "/a/{query.q}", detail: "query.q: is missing" },
  { template: "/a/{body.q}", given: { body: { q: null } }, detail: "body.q: is missing" },
  {
    template: "/a/{body.q}",
    given: { body: { q: {} } },
    detail: "body.q: must be a string, a number or a boolean",
  },
  {
    template: "/a{?body.q}",
    given: { body: { q: [[1]] } },
    detail: "body.q: must be a string, a number or a boolean",
  },
  {
    template: "/a/{body.q}",
    given: { body: { q: "\ud83d" } },
    detail: "body.q: must be valid Unicode",
  },
  {
    template: "/a{?body.q}",
    given: { body: { q: "\ude00x" } },
    detail: "body.q: must be valid Unicode",
  },
];

for (const { template, given = {}, detail } of REFUSED_PATHS) {
  Deno.test(`the path ${template} is refused with ${JSON.stringify(given)}`, () => {
    const error = assertThrows(() => expandPath(template, given), GatewayError);
    assertEquals([error.kind, error.message], ["bad-request", detail]);
  });
}

const NAME_RULE = "must name a route parameter, a part, query.NAME, header.NAME, body.NAME or item";

const QUERY_RULE = 'must be query.NAME, or have its name in quotes: query["NAME"]';
const WHOLE_RULE =
  '"{query}" must be used as params: "{query}", or as {?query} in a path: it is all parameters';

const WRONG_PATHS: readonly { readonly template: string; readonly rule: string }[] = [
  { template: "", rule: 'must start with "/"' },
  { template: "a/{id}", rule: 'must start with "/"' },
  { template: "/a b", rule: "must have no space, backslash or fragment" },
  { template: "/a\nb", rule: "must have no space, backslash or fragment" },
  { template: "/a\\b", rule: "must have no space, backslash or fragment" },
  { template: "/a#b", rule: "must have no space, backslash or fragment" },
  { template: "/a/../b", rule: 'must not have a segment "." or ".."' },
  { template: "/a/.", rule: 'must not have a segment "." or ".."' },
  { template: "/%2e%2E/a", rule: 'must not have a segment "." or ".."' },
  { template: "/{id}/..", rule: 'must not have a segment "." or ".."' },
  { template: "/..{?query.a}", rule: 'must not have a segment "." or ".."' },
  { template: "/{id", rule: 'must have a "}" for each "{"' },
  { template: "/id}", rule: 'must have a "}" for each "{"' },
  { template: "/{{id}}", rule: 'must have a "}" for each "{"' },
  { template: "/{}", rule: `"{}" ${NAME_RULE}` },
  { template: "/{+id}", rule: `"{+id}" ${NAME_RULE}` },
  { template: "/{id*}", rule: `"{id*}" ${NAME_RULE}` },
  { template: "/{id:3}", rule: `"{id:3}" ${NAME_RULE}` },
  { template: "/{a,}", rule: `"{}" ${NAME_RULE}` },
  { template: "/{1a}", rule: `"{1a}" ${NAME_RULE}` },
  { template: "/{profile..id}", rule: `"{profile..id}" ${NAME_RULE}` },
  { template: "/{query.}", rule: `"{query.}" ${QUERY_RULE}` },
  { template: "/{query.a b}", rule: `"{query.a b}" ${QUERY_RULE}` },
  { template: "/{query[a]}", rule: `"{query[a]}" ${QUERY_RULE}` },
  { template: '/{query["a"x]}', rule: `"{query["a"x]}" ${QUERY_RULE}` },
  { template: '/{query["\\x"]}', rule: `"{query["\\x"]}" ${QUERY_RULE}` },
  {
    template: '/{query["a]}',
    rule: 'must have a "}" for each "{", and both quotes of {query["NAME"]}',
  },
  { template: "/{query}", rule: WHOLE_RULE },
  { template: "/a{?query,query.x}", rule: WHOLE_RULE },
  { template: "/a{?query}/b", rule: "must have nothing but {&…} after {?…}" },
  { template: "/{body.a..b}", rule: `"{body.a..b}" ${NAME_RULE}` },
  { template: "/a{?query.x}/{id}", rule: "must have nothing but {&…} after {?…}" },
  { template: "/a{?query.x}/b", rule: "must have nothing but {&…} after {?…}" },
  { template: "/a{?query.x}&y=1", rule: "must have nothing but {&…} after {?…}" },
  { template: "/a{?query.x}{id}", rule: "must have nothing but {&…} after {?…}" },
  { template: "/a?x{&query.y}{id}", rule: "must have nothing but {&…} after {?…}" },
  {
    template: "/{?query.id,header.id}",
    rule: '"{?query.id,header.id}" must not use one name twice',
  },
];

for (const { template, rule } of WRONG_PATHS) {
  Deno.test(`the path template ${JSON.stringify(template)} breaks a rule`, () => {
    const error = assertThrows(() => parsePathTemplate(template), TemplateError);
    assertEquals(error.message, rule);
    assertEquals(error.name, "TemplateError");
  });
}

Deno.test("a path names all that it refers to, in order", () => {
  const { names } = parsePathTemplate("/{id}/{body.a.b}?x{&query.q,header.h}");
  assertEquals(names, [
    { name: "id", reference: { from: "param or part", name: "id", path: [] } },
    { name: "body.a.b", reference: { from: "body", path: ["a", "b"] } },
    { name: "query.q", reference: { from: "query", name: "q" } },
    { name: "header.h", reference: { from: "header", name: "h" } },
  ]);
});

for (const template of ["/a/{query.b.}", "/a{?query.b.}", "/a{?query..}"]) {
  Deno.test(`a name that ends in a dot has nothing to be written as: ${template}`, () => {
    assertThrows(() => parsePathTemplate(template), TemplateError);
  });
}

/** Whether some server could read a value as a way out, or as no segment at all. */
function isRefusable(value: string): boolean {
  return value === "" || !value.isWellFormed() ||
    value.split(/[/\\]/).some((segment) => segment === "." || segment === "..");
}

property(
  "a value is encoded as RFC 6570 says, by the word of another implementation",
  500,
  (random) => {
    const value = nastyText(random).toWellFormed();
    assertEquals(
      expandPath("/a{?query.q}", { query: `?${new URLSearchParams({ q: value })}` }),
      parseTemplate("/a{?q}").expand({ q: value }),
    );
  },
);

property("a client's value never adds a segment or a parameter", 2000, (random) => {
  const [id, lang, page] = [nastyText(random), nastyText(random), nastyText(random)];
  const template = "/users/{id}/items?fixed=1{&body.lang}{&body.page}";
  const expand = () => expandPath(template, { params: { id }, body: { lang, page } });
  if (isRefusable(id) || !lang.isWellFormed() || !page.isWellFormed()) {
    assertEquals(assertThrows(expand, GatewayError).kind, "bad-request");
    return;
  }
  const path = expand();
  const url = new URL(`http://upstream${path}`);
  assertEquals(url.pathname + url.search, path, "the URL was tidied up");
  assertEquals(url.pathname.split("/").map(decodeURIComponent), ["", "users", id, "items"]);
  assertEquals([...url.searchParams], [["fixed", "1"], ["lang", lang], ["page", page]]);
  assertEquals(url.host, "upstream");
  assertEquals(url.hash, "");
});

property("values side by side make one segment, which is never a dot", 1000, (random) => {
  const [a, b] = [nastyText(random), nastyText(random)];
  let path: string;
  try {
    path = expandPath("/x/{a}{b}/y", { params: { a, b } });
  } catch (error) {
    assertInstanceOf(error, GatewayError);
    assert(isRefusable(a + b) || isRefusable(a) || isRefusable(b));
    return;
  }
  const { pathname } = new URL(`http://upstream${path}`);
  assertEquals(pathname.split("/").map(decodeURIComponent), ["", "x", a + b, "y"]);
});
