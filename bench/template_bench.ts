import { Inputs } from "../lib/template/inputs.ts";
import { JsonDocument } from "../lib/json/json_document.ts";
import { parsePathTemplate, parseValueTemplate } from "../lib/template/template.ts";

/** Making a part's call from the client's values, as for each part and request. */
const inputs = new Inputs({
  method: "POST",
  path: "/home/7?lang=is&page=2",
  headers: new Headers({ "x-tenant": "north" }),
  params: { id: "Þórshöfn & co" },
}, JsonDocument.of({ user: { name: "Ada", age: 36 } }));

const paths = {
  "no name": "/users/all",
  "one name": "/users/{id}",
  "one name and a query": "/users/{id}{?query.lang,query.page}",
  "four names": "/{header.x-tenant}/users/{id}/{body.user.name}{?query.lang}",
};

for (const [name, text] of Object.entries(paths)) {
  const template = parsePathTemplate(text);
  Deno.bench({ name, group: "expanding a path", baseline: name === "no name" }, () => {
    template.expand(inputs);
  });
}

const values = {
  "one name that keeps its type": "{body.user.age}",
  "a text with two names": "{body.user.name} from {header.x-tenant}",
  "an object of ten": Object.fromEntries(
    Array.from({ length: 10 }, (_, index) => [`key${index}`, { id: "{id}", fixed: index }]),
  ),
};

for (const [name, value] of Object.entries(values)) {
  const template = parseValueTemplate(value);
  Deno.bench({ name, group: "expanding a value" }, () => {
    template.expand(inputs);
  });
}

Deno.bench({ name: "encodeURIComponent alone", group: "expanding a path" }, () => {
  `/users/${encodeURIComponent(String(inputs.call.params?.id))}`;
});
