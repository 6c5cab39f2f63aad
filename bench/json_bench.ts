import { JsonDocument } from "../lib/json/json_document.ts";
import { locate } from "../lib/json/locate.ts";
import { pick, selectionOf } from "../lib/json/pick.ts";

/** What becomes of a response of 300 products, whose numbers JavaScript would change or not. */
const product = (id: number, price: string) =>
  `{"id":${id},"name":"Product ${id}","price":${price},"tags":["a","b"],"stock":{"here":${id}}}`;
const listOf = (price: string) =>
  `{"data":[${Array.from({ length: 300 }, (_, id) => product(id, price)).join(",")}],"n":300}`;
const texts = { "safe numbers": listOf("10.15"), "numbers that change": listOf("10.10") };

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
const selection = selectionOf(["id", "price"]);

for (const [name, text] of Object.entries(texts)) {
  const bytes = ENCODER.encode(text);
  const parsed: unknown = JSON.parse(text);
  Deno.bench({ name: "parsing it (what every part costs)", group: name, baseline: true }, () => {
    JSON.parse(DECODER.decode(bytes));
  });
  Deno.bench({ name: "writing it anew", group: name }, () => {
    ENCODER.encode(JSON.stringify(parsed));
  });
  Deno.bench({ name: "select", group: name }, () => {
    locate(bytes, ["data"]);
  });
  const list = locate(bytes, ["data"]);
  Deno.bench({ name: "pick", group: name }, () => {
    pick(bytes.subarray(list?.start, list?.end), selection);
  });
  const references = {
    "a text of it, in a template": ["data", "7", "name"],
    "a number of it": ["data", "299", "price"],
    "an object of it": ["data", "7"],
    "all of it": [],
  };
  for (const [what, keys] of Object.entries(references)) {
    Deno.bench({ name: what, group: name }, () => {
      new JsonDocument(bytes, parsed).at(keys);
    });
  }
}
